import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import {
  administer,
  createKey,
  drawSecretId,
  enableAppRole,
  enableCertAuth,
  writePolicy,
} from '../../scripts/openbao/setup.ts';
import { CUSTOMER_ROLE, type Customer, startCustomer } from '../support/customer.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openLiveKeystore } from './live-keystore.ts';

// Two maxima of a short token, and more where everything is required.
const WATCH_MS = process.env.REQUIRE_ALL === '1' ? 20_000 : 7500;
const KEY = 'k';

let customer: Customer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  [customer, folder] = await Promise.all([startCustomer(), temporaryFolder()]);
  await createKey(customer.bao, { key: KEY });
});
afterAll(async () => {
  await customer[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A configuration with an AppRole of its own, and the file of its secret id. */
async function ownRole(role: string, options: { tokenTtl?: string; tokenMaxTtl?: string; policies?: string[] } = {}) {
  const { policies = [CUSTOMER_ROLE], ...life } = options;
  const { roleId, secretId } = await enableAppRole(customer.bao, { role, policies, ...life });
  const path = join(folder.path, role);
  await writeFile(path, `${secretId}\n`, { mode: 0o600 });
  const auth = { method: 'approle', roleId, secretId: { source: 'file', file: { path } } };
  return { roleId, path, changes: { auth } };
}

const tokens = async (): Promise<number> => {
  const { keys } = await administer(customer.bao, 'LIST', 'auth/token/accessors');
  return (keys as string[]).length;
};
/** Ends every token of an AppRole. */
const revokeAll = () => administer(customer.bao, 'POST', 'sys/leases/revoke-prefix/auth/approle/login');

describe('the life of a token', () => {
  it('R-AUTH-13 R-AUTH-14 a token of 2 s and at most 6 s never costs a call, over several of its lives', async () => {
    const { changes } = await ownRole('short', { tokenTtl: '2s', tokenMaxTtl: '6s' });
    await using live = openLiveKeystore(customer, 'approle', { changes });
    const outcomes = new Map<string, number>();
    const end = performance.now() + WATCH_MS;
    while (performance.now() < end) {
      const calls = await Promise.all([live.roundTrip(KEY), live.roundTrip(KEY), setTimeout(40, 'ok')]);
      for (const outcome of calls) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    expect([...outcomes.keys()]).toEqual(['ok']);
    expect(live.logins()).toBeGreaterThanOrEqual(Math.floor(WATCH_MS / 6000) + 1);
    // Renewals carried it between logins, and no call had to find out that a token was dead.
    expect(live.logins()).toBeLessThan(WATCH_MS / 2000);
    expect(live.log.entries('token is no longer known to OpenBao, logging in anew')).toEqual([]);
    expect(live.log.entries('the token could not be renewed or replaced')).toEqual([]);
  });

  it('R-AUTH-13 a token of a certificate is renewed over a connection with that certificate', async () => {
    const { bao, identity } = customer;
    await enableCertAuth(bao, {
      role: 'brief',
      policies: [CUSTOMER_ROLE],
      certificatePem: identity.certificatePem,
      tokenTtl: '1s',
      tokenMaxTtl: '60s',
    });
    await using live = openLiveKeystore(customer, 'callCertificate');
    const describeKey = () => live.keystore.describeKey(live.call({ values: { roleName: 'brief' } }), KEY);
    const end = performance.now() + 2500;
    while (performance.now() < end) {
      expect(await describeKey()).toMatchObject({ keyId: KEY });
      await setTimeout(50);
    }
    expect(live.logins()).toBe(1);
  });

  it('R-AUTH-15 tokens revoked on the server cost one login, whatever the number of callers, and no call', async () => {
    const { changes } = await ownRole('revoked');
    await using live = openLiveKeystore(customer, 'approle', { changes });
    await live.roundTrip(KEY);
    for (let round = 1; round <= 3; round += 1) {
      const before = Array.from({ length: 20 }, () => live.roundTrip(KEY));
      await revokeAll();
      const after = Array.from({ length: 50 }, () => live.roundTrip(KEY));
      expect(new Set(await Promise.all([...before, ...after]))).toEqual(new Set(['ok']));
      expect(live.logins()).toBe(1 + round);
    }
  });

  it('R-AUTH-16 a policy that a role is given reaches the key after five minutes, and denials cost no logins until then', async () => {
    const clock = new ManualClock();
    const { changes } = await ownRole('poor', { policies: ['poor'] });
    await writePolicy(customer.bao, 'poor', 'path "auth/token/lookup-self" { capabilities = ["read"] }');
    await using live = openLiveKeystore(customer, 'approle', { changes, clock });
    for (let call = 0; call < 5; call += 1) expect(await live.roundTrip(KEY)).toBe('permission-denied');
    expect(live.logins()).toBe(2);
    await administer(customer.bao, 'POST', 'auth/approle/role/poor', { token_policies: ['poor', CUSTOMER_ROLE] });
    clock.advance(299_000);
    expect(await live.roundTrip(KEY)).toBe('permission-denied');
    clock.advance(11_000);
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(3);
  });

  it('R-AUTH-22 R-AUTH-11 a hundred first calls make one token, and the end of the keystore revokes it', async () => {
    const { changes } = await ownRole('counted');
    const before = await tokens();
    const live = openLiveKeystore(customer, 'approle', { changes });
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => live.roundTrip(KEY, { timeMs: 10_000 })));
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
    expect(await tokens()).toBe(before + 1);
    await live[Symbol.asyncDispose]();
    expect(await tokens()).toBe(before);
  });
});

describe('a secret id', () => {
  it('R-AUTH-18 R-AUTH-21 that is wrong is sent once, and the right one works as soon as it is in the file', async () => {
    const { path, changes } = await ownRole('mistaken');
    await writeFile(path, 'wrong');
    await using live = openLiveKeystore(customer, 'approle', { changes });
    for (let call = 0; call < 20; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    // More than five failures would have locked the role.
    await writeFile(path, await drawSecretId(customer.bao, { role: 'mistaken' }));
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
  });

  it('R-AUTH-20 that is right, of a role that others have locked, is no refusal; unlocked and touched it works', async () => {
    const { roleId, path, changes } = await ownRole('locked');
    for (let failure = 0; failure < 6; failure += 1) {
      const body = { role_id: roleId, secret_id: 'wrong' };
      await customer.bao.request('POST', 'auth/approle/login', body, { token: '' });
    }
    await using live = openLiveKeystore(customer, 'approle', { changes });
    expect(await live.roundTrip(KEY)).toBe('login-locked-out');
    const { accessor } = await administer(customer.bao, 'GET', 'sys/auth/approle');
    await administer(customer.bao, 'POST', `sys/locked-users/${String(accessor)}/unlock/${roleId}`);
    expect(await live.roundTrip(KEY)).toBe('login-locked-out');
    await writeFile(path, await drawSecretId(customer.bao, { role: 'locked' }));
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-20 whose file is missing is no refusal', async () => {
    const { changes } = await ownRole('absent');
    const secretId = { source: 'file', file: { path: join(folder.path, 'nowhere') } };
    await using live = openLiveKeystore(customer, 'approle', { changes: { auth: { ...changes.auth, secretId } } });
    expect(await live.roundTrip(KEY)).toBe('credential-unreadable');
  });

  it('that may be used a few times is shared by parallel logins of several processes', async () => {
    const role = 'limited';
    const { path, changes } = await ownRole(role);
    await administer(customer.bao, 'POST', `auth/approle/role/${role}`, {
      token_policies: [CUSTOMER_ROLE],
      secret_id_num_uses: 8,
    });
    await writeFile(path, await drawSecretId(customer.bao, { role }));
    const processes = Array.from({ length: 8 }, () => openLiveKeystore(customer, 'approle', { changes }));
    const outcomes = await Promise.all(processes.map((live) => live.roundTrip(KEY, { timeMs: 5000 })));
    expect(outcomes).toEqual(processes.map(() => 'ok'));
    await Promise.all(processes.map((live) => live[Symbol.asyncDispose]()));
  });
});

describe('R-CONF-10 the authorities trusted for the server', () => {
  it('are read again at the next login', async () => {
    const { changes } = await ownRole('trusting');
    const path = join(folder.path, 'ca.pem');
    await writeFile(path, customer.identity.certificatePem);
    const openbao = { addresses: [customer.bao.address], ca: { source: 'file', file: { path } } };
    await using live = openLiveKeystore(customer, 'approle', { changes: { ...changes, openbao } });
    expect(await live.roundTrip(KEY)).toBe('tls-failure');
    await writeFile(path, customer.bao.caPem);
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);
  });
});
