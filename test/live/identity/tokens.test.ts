import { setTimeout } from 'node:timers/promises';

import { administer, enableAppRole, writePolicy } from '../../../scripts/openbao/setup.ts';
import { CUSTOMER_ROLE } from '../../support/customer.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { rounds } from '../../support/scale.ts';
import { until } from '../../support/until.ts';
import type { LiveKeystore } from '../live-keystore.ts';
import { file, KEY, LOGIN_FAILED, NOT_RENEWED, type Place, startPlace, TOKEN_UNKNOWN } from './process-identity.ts';

const MAXIMUM_S = 10;
const MAXIMA = rounds(4);
const DAY_MS = 86_400_000;

let place: Place;
beforeAll(async () => {
  place = await startPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

/** Uses the key without pause for a time, and tells the outcomes in their order, equal ones in a row once. */
async function watch(live: LiveKeystore, ms: number): Promise<string[]> {
  const outcomes: string[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const [outcome] = await Promise.all([live.roundTrip(KEY), setTimeout(20)]);
    if (outcomes.at(-1) !== outcome) outcomes.push(outcome);
  }
  return outcomes;
}

describe('a token', () => {
  it('R-AUTH-15 that is revoked while it is in use: one login, and no call fails', async () => {
    const { auth } = await place.appRole('revoked');
    await using live = place.open(auth);
    for (let round = 1; round <= 3; round += 1) {
      expect(await live.roundTrip(KEY)).toBe('ok');
      expect(live.logins()).toBe(round);
      expect(await place.revokeTokensOf('revoked')).toBe(1);
    }
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.log.entries(TOKEN_UNKNOWN)).toHaveLength(3);
  });

  it('R-AUTH-15 that is revoked while a thousand callers use it: one login, and no call fails', async () => {
    const { auth } = await place.appRole('crowded');
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('ok');
    const call = () => live.roundTrip(KEY, { timeMs: 45_000 });
    const before = Array.from({ length: 500 }, call);
    const revoked = place.revokeTokensOf('crowded');
    const after = Array.from({ length: 500 }, call);
    expect(await revoked).toBe(1);
    const outcomes = await Promise.all([...before, ...after, ...Array.from({ length: 20 }, call)]);
    expect(outcomes.filter((outcome) => outcome !== 'ok')).toEqual([]);
    expect(live.logins()).toBe(2);
  });

  it('R-AUTH-15 R-AUTH-24 R-AUTH-28 that goes with its parent, revoked by prefix: the file of a new one ends the refusal', async () => {
    const { bao } = place.customer;
    const draw = async (parent?: string) => {
      const body = { policies: [CUSTOMER_ROLE], ttl: '1h', no_default_policy: true };
      const answer = await bao.request(
        'POST',
        'auth/token/create',
        body,
        parent === undefined ? {} : { token: parent },
      );
      return (answer.body as { auth: { client_token: string } }).auth.client_token;
    };
    await writePolicy(bao, 'parent', 'path "auth/token/create" { capabilities = ["update", "sudo"] }');
    const login = async () => {
      const { roleId, secretId } = await enableAppRole(bao, { role: 'parents', policies: ['parent', CUSTOMER_ROLE] });
      const answer = await bao.request('POST', 'auth/approle/login', { role_id: roleId, secret_id: secretId });
      return (answer.body as { auth: { client_token: string } }).auth.client_token;
    };
    const path = await place.write('token', await draw(await login()));
    await using live = place.open({ method: 'token', token: file(path) }, { changes: { development: true } });
    expect(await live.roundTrip(KEY)).toBe('ok');
    await administer(bao, 'POST', 'sys/leases/revoke-prefix/auth/approle/login');
    for (let call = 0; call < 5; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    const next = await draw(await login());
    await place.write('token', next);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await live[Symbol.asyncDispose]();
    // It was lent: the end of the keystore leaves it alone.
    const { status } = await bao.request('GET', 'auth/token/lookup-self', undefined, { token: next });
    expect(status).toBe(200);
  });

  it(
    `R-AUTH-13 R-AUTH-14 of 3 s and at most ${MAXIMUM_S} s, over ${MAXIMA} of its maxima: no call notices`,
    async () => {
      const { auth } = await place.appRole('short', { tokenTtl: '3s', tokenMaxTtl: `${MAXIMUM_S}s` });
      await using live = place.open(auth);
      expect(await watch(live, (MAXIMA * MAXIMUM_S + 2) * 1000)).toEqual(['ok']);
      expect(live.logins()).toBeGreaterThan(MAXIMA);
      // Renewals carried it in between.
      expect(live.logins()).toBeLessThan(2 * (MAXIMA + 1) + 1);
      expect(live.log.entries(TOKEN_UNKNOWN)).toEqual([]);
      expect(live.log.entries(NOT_RENEWED)).toEqual([]);
    },
    (MAXIMA * MAXIMUM_S + 30) * 1000,
  );

  it('R-AUTH-14 R-AUTH-22 of a role without the right to renew: a login before each end, and no call notices', async () => {
    const { bao } = place.customer;
    const policy = (['encrypt', 'decrypt'] as const).map(
      (verb) => `path "transit/${verb}/${KEY}" { capabilities = ["update"] }`,
    );
    const others = ['transit/keys/+', 'auth/token/lookup-self'].map(
      (path) => `path "${path}" { capabilities = ["read"] }`,
    );
    await writePolicy(bao, 'unrenewing', [...policy, ...others, revokeSelf].join('\n'));
    const { auth } = await place.appRole('unrenewing', { policies: ['unrenewing'], tokenTtl: '2s' });
    await using live = place.open(auth);
    expect(await watch(live, 5000)).toEqual(['ok']);
    expect(live.logins()).toBeGreaterThanOrEqual(3);
    expect(live.log.entries(TOKEN_UNKNOWN)).toEqual([]);
    // Each one that was replaced is revoked, so that they do not pile up.
    expect(await place.revokeTokensOf('unrenewing')).toBeLessThanOrEqual(2);
  });

  it('R-AUTH-31 that lives on by renewals while the wall clock jumps by days: one login, and no call notices', async () => {
    const { auth } = await place.appRole('timeless', { tokenTtl: '2s', tokenMaxTtl: '1h' });
    await using live = place.open(auth);
    jest.useFakeTimers({ doNotFake: [...EVERYTHING_BUT_DATE] });
    try {
      const now = Date.now();
      for (const jump of [0, DAY_MS, -DAY_MS, 400 * DAY_MS, 0]) {
        jest.setSystemTime(now + jump);
        expect(await watch(live, 1200)).toEqual(['ok']);
      }
    } finally {
      jest.useRealTimers();
    }
    expect(live.logins()).toBe(1);
    expect([...live.log.entries(TOKEN_UNKNOWN), ...live.log.entries(NOT_RENEWED)]).toEqual([]);
  });
});

describe('a right', () => {
  it('R-AUTH-16 whose policy is removed while the plugin runs: permission denied after one fresh login, and back with the policy', async () => {
    const { bao } = place.customer;
    const policy = await administer(bao, 'GET', `sys/policies/acl/${CUSTOMER_ROLE}`);
    await writePolicy(bao, 'removable', String(policy.policy));
    const { auth } = await place.appRole('losing', { policies: ['removable'] });
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await administer(bao, 'DELETE', 'sys/policies/acl/removable');
    for (let call = 0; call < 10; call += 1) expect(await live.roundTrip(KEY)).toBe('permission-denied');
    expect(live.logins()).toBe(2);
    await writePolicy(bao, 'removable', String(policy.policy));
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(2);
  });

  it('R-AUTH-32 R-AUTH-18 whose AppRole is deleted: the token serves to its end, then the login is refused once, and a new role needs no restart', async () => {
    const { bao } = place.customer;
    const { auth, roleId } = await place.appRole('deleted', { tokenTtl: '3s', tokenMaxTtl: '1h' });
    const roleIdFile = await place.write('deleted-role-id', roleId);
    await using live = place.open({ ...auth, roleId: file(roleIdFile) });
    expect(await live.roundTrip(KEY)).toBe('ok');
    await administer(bao, 'DELETE', 'auth/approle/role/deleted');
    expect(await watch(live, 4000)).toEqual(['ok', 'login-refused']);
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
    const next = await place.appRole('deleted');
    await place.write('deleted-role-id', next.roleId);
    expect(await live.roundTrip(KEY)).toBe('ok');
  });
});

describe('a renewal', () => {
  it('R-AUTH-13 R-AUTH-32 that is answered without effect because the certificate role is gone: the token serves on, until role or token come or go', async () => {
    const { bao, authority } = place.customer;
    const clock = new ManualClock();
    const own = await authority.issue({ commonName: 'plugin' });
    const role = {
      certificate: authority.certificatePem,
      allowed_common_names: ['plugin'],
      token_policies: [CUSTOMER_ROLE],
      token_ttl: '600s',
      token_no_default_policy: true,
    };
    const make = () => administer(bao, 'POST', 'auth/cert/certs/fleeting', role);
    await make();
    const certificate = file(await place.write('fleeting.crt', own.certificatePem));
    const key = file(await place.write('fleeting.key', own.privateKeyPem));
    await using live = place.open({ method: 'cert', role: 'fleeting', certificate, key }, { clock });
    expect(await live.roundTrip(KEY)).toBe('ok');

    await administer(bao, 'DELETE', 'auth/cert/certs/fleeting');
    clock.advance(clock.pending[0]!);
    await until('the login in place of the renewal', () => live.log.entries(NOT_RENEWED).length === 1);
    expect(live.log.entries(LOGIN_FAILED).map((entry) => entry.class)).toEqual(['login-refused']);
    expect(await live.roundTrip(KEY)).toBe('ok');

    await make();
    clock.advance(clock.pending[0]!);
    await until('the renewal', () => clock.pending.some((ms) => ms > 300_000));
    clock.advance(210_000); // beyond the end that the token had at first
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(1);

    await administer(bao, 'DELETE', 'auth/cert/certs/fleeting');
    clock.advance(600_000);
    expect(await live.roundTrip(KEY)).toBe('login-refused');
  });
});

const revokeSelf = 'path "auth/token/revoke-self" { capabilities = ["update"] }';

const EVERYTHING_BUT_DATE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;
