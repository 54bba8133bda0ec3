import { administer, createKey } from '../../scripts/openbao/setup.ts';
import { KeystoreError } from '../../src/keystore/errors.ts';
import { AUTH_METHODS, type Customer, startCustomer } from '../support/customer.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { openLiveKeystore } from './live-keystore.ts';

const KEY = 'k';

let customer: Customer;
beforeAll(async () => {
  customer = await startCustomer();
  await createKey(customer.bao, { key: KEY });
});
afterAll(() => customer[Symbol.asyncDispose]());

describe.each(AUTH_METHODS)('by %s', (method) => {
  it('R-ERR-04 R-ERR-11 a server that is sealed, before and after the login, and unsealed again', async () => {
    await using early = openLiveKeystore(customer, method);
    await using late = openLiveKeystore(customer, method);
    expect(await early.roundTrip(KEY)).toBe('ok');
    await customer.bao.seal();
    expect([await early.roundTrip(KEY), await late.roundTrip(KEY)]).toEqual(['sealed', 'sealed']);
    await customer.bao.unseal();
    expect([await early.roundTrip(KEY), await late.roundTrip(KEY)]).toEqual(['ok', 'ok']);
    expect([early.logins(), late.logins()]).toEqual([1, 1]);
  });

  it('R-ERR-08 R-ERR-11 a server that hangs, and goes on', async () => {
    await using live = openLiveKeystore(customer, method);
    expect(await live.roundTrip(KEY)).toBe('ok');
    customer.bao.pause();
    try {
      const before = performance.now();
      const calls = Array.from({ length: 20 }, () => live.roundTrip(KEY, { timeMs: 300 }));
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['deadline-exceeded']));
      expect(performance.now() - before).toBeLessThan(3000);
    } finally {
      customer.bao.resume();
    }
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
  });

  it('R-AUTH-12 R-ERR-08 a login that hangs: every caller goes at its own deadline, and the login serves the next', async () => {
    await using live = openLiveKeystore(customer, method, { changes: { limits: { connectTimeoutMs: 10_000 } } });
    customer.bao.pause();
    const calls = [100, 200, 300].map((timeMs) => live.roundTrip(KEY, { timeMs }));
    try {
      expect(await Promise.all(calls)).toEqual(['deadline-exceeded', 'deadline-exceeded', 'deadline-exceeded']);
    } finally {
      customer.bao.resume();
    }
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
  });

  it('R-ERR-07 a quota: RESOURCE_EXHAUSTED, and no login and no look because of it', async () => {
    await using live = openLiveKeystore(customer, method);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await administer(customer.bao, 'POST', 'sys/quotas/rate-limit/tight', {
      path: 'transit',
      rate: 1,
      interval: '60s',
    });
    try {
      await live.roundTrip(KEY);
      const error: unknown = await live.keystore.describeKey(live.call(), KEY).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(KeystoreError);
      expect(error).toMatchObject({ class: 'rate-limited', details: { httpStatus: 429 } });
    } finally {
      await administer(customer.bao, 'DELETE', 'sys/quotas/rate-limit/tight');
    }
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
  });

  it('R-ERR-07 a quota that names the time of a repetition', async () => {
    await using live = openLiveKeystore(customer, method);
    expect(await live.roundTrip(KEY)).toBe('ok');
    const { bao } = customer;
    await administer(bao, 'POST', 'sys/quotas/config', { enable_rate_limit_response_headers: true });
    await administer(bao, 'POST', 'sys/quotas/rate-limit/tight', { path: 'transit', rate: 1, interval: '30s' });
    try {
      await live.roundTrip(KEY);
      const error: unknown = await live.keystore.describeKey(live.call(), KEY).catch((reason: unknown) => reason);
      const { retryAfterMs = 0 } = (error as KeystoreError).details;
      expect(retryAfterMs).toBeGreaterThanOrEqual(100);
      expect(retryAfterMs).toBeLessThanOrEqual(30_000);
    } finally {
      await administer(bao, 'DELETE', 'sys/quotas/rate-limit/tight');
      await administer(bao, 'POST', 'sys/quotas/config', { enable_rate_limit_response_headers: false });
    }
  });
});

describe('R-CRYPTO-21 the health of a real server', () => {
  it('while it serves, is sealed, and serves again', async () => {
    const clock = new ManualClock();
    await using live = openLiveKeystore(customer, 'approle', { clock });
    const state = async (): Promise<[string, string | undefined]> => {
      clock.advance(10_000);
      const health = await live.keystore.checkHealth(live.call(), { deep: false });
      return [health.state, health.endpoints[0]?.role];
    };
    expect(await state()).toEqual(['ACTIVE', 'active']);
    await customer.bao.seal();
    expect(await state()).toEqual(['UNAVAILABLE', 'sealed']);
    await customer.bao.unseal();
    expect(await state()).toEqual(['ACTIVE', 'active']);
    const { providerVersion } = await live.keystore.checkHealth(live.call(), { deep: false });
    expect(providerVersion).toMatch(/^\d+\.\d+\.\d+/);
  });
});

// Last: this server does not come back.
describe('R-ERR-04 a server that is gone', () => {
  it.each(AUTH_METHODS)(
    'is unreachable, in time, and the end of the keystore does not wait for it: %s',
    async (method) => {
      const ca = { value: customer.bao.caPem };
      const openbao = {
        addresses: method === 'approle' ? [customer.bao.address] : [],
        allowedAddresses: [{ pattern: customer.bao.address, ca, privateAddresses: true }],
        ca,
      };
      const live = openLiveKeystore(customer, method, { changes: { development: true, openbao } });
      if (method === AUTH_METHODS[0]) expect(await live.roundTrip(KEY)).toBe('ok');
      await customer.bao.stop();
      const before = performance.now();
      expect(await live.roundTrip(KEY)).toBe('unreachable');
      const { state } = await live.keystore.checkHealth(live.call(), { deep: false });
      expect(state).toBe('UNAVAILABLE');
      await live[Symbol.asyncDispose]();
      expect(performance.now() - before).toBeLessThan(5000);
    },
  );
});
