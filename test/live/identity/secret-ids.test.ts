import { setTimeout } from 'node:timers/promises';

import { administer, wrap, wrapSecretId } from '../../../scripts/openbao/setup.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { file, KEY, LOGIN_FAILED, type Place, startPlace } from './process-identity.ts';

const MINUTE_MS = 60_000;

let place: Place;
beforeAll(async () => {
  place = await startPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

/** An AppRole whose secret id is handed over in a wrapping token, and the file of that. */
async function wrappedRole(role: string) {
  const { roleId } = await place.appRole(role);
  const name = `${role}-wrapped`;
  const path = await place.write(name, await wrapSecretId(place.customer.bao, { role }));
  return {
    name,
    auth: { method: 'approle', roleId, role, secretIdWrapped: file(path) },
    async renew() {
      await place.write(name, await wrapSecretId(place.customer.bao, { role }));
    },
  };
}

describe('a secret id', () => {
  it('R-AUTH-18 R-AUTH-21 that is used up when a login is due: refused once, and the next one in the file serves', async () => {
    const { auth, renew } = await place.appRole('single', { secretIdNumUses: 1 });
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await place.revokeTokensOf('single');
    for (let call = 0; call < 10; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
    await renew();
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(2);
  });

  it('R-AUTH-18 R-AUTH-21 R-AUTH-32 that has expired: the token goes on, its end shows the refusal, and the next one in the file serves', async () => {
    const { auth, renew } = await place.appRole('expiring', { secretIdTtl: '1s' });
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await setTimeout(1200);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await place.revokeTokensOf('expiring');
    for (let call = 0; call < 10; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
    await renew();
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-21 that is replaced on disk while the old one is destroyed: no call notices', async () => {
    const { bao } = place.customer;
    const { auth, renew } = await place.appRole('replaced');
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('ok');
    const { keys } = await administer(bao, 'LIST', 'auth/approle/role/replaced/secret-id');
    await renew();
    for (const secret_id_accessor of keys as string[]) {
      await administer(bao, 'POST', 'auth/approle/role/replaced/secret-id-accessor/destroy', { secret_id_accessor });
    }
    await place.revokeTokensOf('replaced');
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.log.entries(LOGIN_FAILED)).toEqual([]);
  });

  it('R-AUTH-18 R-AUTH-20 that is written wrong five times: each is refused, then the role is locked, which is no refusal and passes', async () => {
    const { bao } = place.customer;
    const clock = new ManualClock();
    const { auth, renew, roleId } = await place.appRole('mistyped');
    await using live = place.open(auth, { clock });
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await place.write('mistyped-secret-id', `wrong-${attempt}`);
      for (let call = 0; call < 3; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    }
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(5);
    await renew();
    for (let call = 0; call < 3; call += 1) expect(await live.roundTrip(KEY)).toBe('login-locked-out');
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(6);
    // OpenBao unlocks by itself after 15 minutes.
    const { accessor } = await administer(bao, 'GET', 'sys/auth/approle');
    await administer(bao, 'POST', `sys/locked-users/${String(accessor)}/unlock/${roleId}`);
    clock.advance(6 * MINUTE_MS);
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-20 whose file is a directory for a while: unreadable is no refusal, and the token at hand does not care', async () => {
    const { auth, renew } = await place.appRole('misplaced');
    await using live = place.open(auth);
    await place.remove('misplaced-secret-id');
    await place.makeDirectory('misplaced-secret-id');
    expect(await live.roundTrip(KEY)).toBe('credential-unreadable');
    await place.remove('misplaced-secret-id');
    await renew();
    expect(await live.roundTrip(KEY)).toBe('ok');
    await place.remove('misplaced-secret-id');
    await place.makeDirectory('misplaced-secret-id');
    expect(await live.roundTrip(KEY)).toBe('ok');
    await place.revokeTokensOf('misplaced');
    expect(await live.roundTrip(KEY)).toBe('credential-unreadable');
  });

  it.each([
    ['empty', ''],
    ['a line break', '\n'],
    ['too large', 'x'.repeat(2_000_000)],
  ])('R-AUTH-20 whose file is %s is unreadable, and nothing is sent', async (name, text) => {
    const { auth } = await place.appRole(`spoilt-${text.length}`);
    await place.write(`spoilt-${text.length}-secret-id`, text);
    await using live = place.open(auth);
    expect([name, await live.roundTrip(KEY)]).toEqual([name, 'credential-unreadable']);
  });
});

describe('a wrapped secret id', () => {
  it('R-AUTH-41 R-AUTH-27 is unwrapped once, for every login of the process and for a later configuration', async () => {
    const { auth } = await wrappedRole('wrapped');
    await using live = place.open(auth);
    expect(await Promise.all(Array.from({ length: 20 }, () => live.roundTrip(KEY)))).toEqual(Array(20).fill('ok'));
    await place.revokeTokensOf('wrapped');
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(2);
    await using next = place.open(auth);
    expect(await next.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-26 R-AUTH-20 whose token somebody else has used: UNAVAILABLE, no login is sent, and a new token in the file serves', async () => {
    const { bao } = place.customer;
    const { auth, name, renew } = await wrappedRole('stolen');
    const stolen = await wrapSecretId(bao, { role: 'stolen' });
    await place.write(name, stolen);
    expect(await bao.request('POST', 'sys/wrapping/unwrap', {}, { token: stolen })).toMatchObject({ status: 200 });
    await using live = place.open(auth);
    for (let call = 0; call < 8; call += 1) expect(await live.roundTrip(KEY)).toBe('secret-unwrap-failed');
    await renew();
    // Had each of them been a login, the role would be locked by now.
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-26 whose token has expired: UNAVAILABLE, and a new token in the file serves', async () => {
    const { bao } = place.customer;
    const { auth, name, renew } = await wrappedRole('stale');
    await place.write(name, await wrapSecretId(bao, { role: 'stale', ttl: '1s' }));
    await setTimeout(1500);
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('secret-unwrap-failed');
    await renew();
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it.each<[string, () => Promise<string>]>([
    [
      'something that its forger chose',
      () => wrap(place.customer.bao, 'sys/wrapping/wrap', { body: { secret_id: 'chosen' } }),
    ],
    ['a secret id of another role', () => wrapSecretId(place.customer.bao, { role: 'other' })],
    ['a token', () => wrap(place.customer.bao, 'auth/token/create', { body: { ttl: '1m' } })],
  ])('R-AUTH-26 R-AUTH-41 whose token wraps %s: UNAVAILABLE, and it is left as it was', async (_name, forge) => {
    await place.appRole('other');
    const { auth, name } = await wrappedRole('forged');
    const forged = await forge();
    await place.write(name, forged);
    await using live = place.open(auth);
    for (let call = 0; call < 3; call += 1) expect(await live.roundTrip(KEY)).toBe('secret-unwrap-failed');
    expect(live.log.entries(LOGIN_FAILED)).not.toHaveLength(0);
    const unwrapped = await place.customer.bao.request('POST', 'sys/wrapping/unwrap', {}, { token: forged });
    expect(unwrapped.status).toBe(200);
  });

  it('R-AUTH-20 R-AUTH-41 asked for while OpenBao is sealed is not lost', async () => {
    const { bao } = place.customer;
    const { auth } = await wrappedRole('patient');
    await using live = place.open(auth);
    await bao.seal();
    expect(await live.roundTrip(KEY)).toBe('sealed');
    await bao.unseal();
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it('R-AUTH-18 R-AUTH-21 that OpenBao refuses after all: refused once, and a new token in the file serves', async () => {
    const { bao } = place.customer;
    const { auth, renew } = await wrappedRole('destroyed');
    await using live = place.open(auth);
    expect(await live.roundTrip(KEY)).toBe('ok');
    const { keys } = await administer(bao, 'LIST', 'auth/approle/role/destroyed/secret-id');
    for (const secret_id_accessor of keys as string[]) {
      await administer(bao, 'POST', 'auth/approle/role/destroyed/secret-id-accessor/destroy', { secret_id_accessor });
    }
    await place.revokeTokensOf('destroyed');
    for (let call = 0; call < 8; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
    await renew();
    expect(await live.roundTrip(KEY)).toBe('ok');
  });
});
