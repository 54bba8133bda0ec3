import type { CallAccess } from '../../../src/keystore/call.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import { startFakeOpenBao, stall } from '../../support/fake-openbao.ts';
import { openLiveKeystore } from '../live-keystore.ts';
import { file, KEY, type Place, startPlace } from './process-identity.ts';

let place: Place;
beforeAll(async () => {
  place = await startPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: unknown) => (error instanceof KeystoreError ? error.class : String(error)),
  );

describe('two tenants of one plugin', () => {
  it('R-AUTH-33 of which the OpenBao of one hangs: the calls of the other succeed meanwhile', async () => {
    const hanging = await startFakeOpenBao({ otherwise: stall });
    const { bao, authority } = place.customer;
    const allowedAddresses = [
      { pattern: hanging.address, ca: { value: hanging.caPem }, privateAddresses: true },
      { pattern: bao.address, ca: { value: bao.caPem }, privateAddresses: true },
    ];
    // Fewer turns in all than calls that hang.
    const limits = { maxConcurrentCalls: 8, maxConcurrentCallsPerSession: 4, loginBudgetMs: 60_000 };
    await using live = openLiveKeystore(place.customer, 'callCertificate', {
      changes: { development: true, openbao: { allowedAddresses }, limits },
    });
    const { certificatePem: clientCert, privateKeyPem: privateKey } = await authority.issue({ commonName: 'other' });
    const gone = new AbortController();
    let ended = 0;
    const stuck = Array.from({ length: 20 }, () => {
      const call = live.call({ timeMs: 60_000, values: { address: hanging.address, clientCert, privateKey } });
      const work = live.keystore.describeKey({ ...call, signal: gone.signal }, KEY);
      return outcome(work).finally(() => (ended += 1));
    });
    await hanging.requested('POST', 'auth/cert/login');
    for (let round = 0; round < 5; round += 1) {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => live.roundTrip(KEY, { timeMs: 20_000 })));
      expect(new Set(outcomes)).toEqual(new Set(['ok']));
    }
    expect([ended, live.logins()]).toEqual([0, 1]);
    gone.abort(new KeystoreError('cancelled', 'gone'));
    expect(new Set(await Promise.all(stuck))).toEqual(new Set(['cancelled']));
    // Its login ends with the connection.
    await hanging[Symbol.asyncDispose]();
  });
});

describe('a tenant that tries to steer the identity of the process', () => {
  const AUTH: Readonly<Record<string, () => Promise<object>>> = {
    approle: async () => (await place.appRole('steered')).auth,
    // Nothing is sent, so nothing need be there.
    kubernetes: () => Promise.resolve({ method: 'kubernetes', role: 'plugin', tokenPath: place.path('none') }),
    jwt: () => Promise.resolve({ method: 'jwt', role: 'plugin', tokenPath: place.path('none') }),
    cert: () =>
      Promise.resolve({ method: 'cert', certificate: file(place.path('none')), key: file(place.path('none')) }),
    token: () => Promise.resolve({ method: 'token', token: file(place.path('none')) }),
  };

  it.each(Object.keys(AUTH))('R-AUTH-03 %s: by none of its fields, and nothing is sent anywhere', async (method) => {
    await using trap = await startFakeOpenBao();
    const auth = (await AUTH[method]?.()) ?? {};
    await using live = place.open(auth, { changes: { development: true } });
    const steering: readonly CallAccess[] = [
      { address: trap.address },
      { namespace: 'other' },
      { mountPath: 'other' },
      { authMountPath: 'other' },
      { roleName: 'other' },
      { stateMountPath: 'other' },
      { address: trap.address, namespace: 'other', mountPath: 'other', authMountPath: 'other', roleName: 'other' },
    ];
    for (const access of steering) {
      const call = { ...live.call(), access };
      await expect(live.keystore.describeKey(call, KEY)).rejects.toMatchObject({
        class: 'invalid-access-data',
        details: { fields: Object.keys(access), accessDataReason: 'CANNOT_PARSE_DATA' },
      });
      if (access.address === undefined) continue;
      await expect(live.keystore.checkHealth(call, { deep: false })).rejects.toMatchObject({
        class: 'invalid-access-data',
      });
    }
    expect(trap.attempts).toBe(0);
    expect(live.log.entries()).toEqual([]);
    if (method === 'approle') expect(await live.roundTrip(KEY)).toBe('ok');
  });
});
