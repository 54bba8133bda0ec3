import { KeystoreError } from '../../../src/keystore/errors.ts';
import {
  cut,
  DENIED_BY_POLICY,
  errors,
  hold,
  json,
  noContent,
  type Reply,
  stall,
  text,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import { until } from '../../support/until.ts';
import { LEASE, LOGIN, LOOKUP, openSession, OWN_BUDGET_MS, RENEW, REVOKE, type Stage, USE } from './session-fixture.ts';

const ok = json(200, { data: {} });
const never = new AbortController().signal;
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
/** Answers by the token that a request carries. */
const byToken =
  (replies: Record<string, Reply>): Reply =>
  (response, request) =>
    (replies[request.token ?? ''] ?? errors(403, TOKEN_IS_DEAD))(response, request);

/** A session whose token t1 is at hand. */
async function loggedIn(): Promise<Stage> {
  const stage = await openSession();
  await stage.use();
  return stage;
}

describe('the first use', () => {
  it('R-AUTH-10 R-AUTH-11 logs in once for a hundred callers, with the namespace and no token', async () => {
    await using stage = await openSession();
    expect(stage.fake.requests).toEqual([]);
    await Promise.all(Array.from({ length: 100 }, () => stage.use()));
    expect([stage.count(LOGIN), stage.count(USE)]).toEqual([1, 100]);
    const [login] = stage.fake.seen('POST', LOGIN);
    expect(login).toMatchObject({ token: undefined, body: { role_id: 'role', secret_id: 'secret-1' } });
    expect(stage.fake.requests.every(({ headers }) => headers['x-vault-namespace'] === 'team')).toBe(true);
    expect(stage.fake.seen('POST', USE).every(({ token }) => token === 't1')).toBe(true);
  });

  it('R-AUTH-12 a caller stops waiting at its own deadline and the login goes on for the others', async () => {
    await using stage = await openSession();
    const login = hold(tokenAnswer('t1', LEASE));
    stage.fake.on('POST', LOGIN, login.reply);
    const hasty = new AbortController();
    const late = new KeystoreError('deadline-exceeded', 'the call took too long');
    const [first, second] = [failure(stage.use(hasty.signal)), stage.use()];
    await stage.fake.requested('POST', LOGIN);
    hasty.abort(late);
    expect(await first).toBe(late);
    login.release();
    expect(await second).toMatchObject({ status: 200 });
    expect(stage.count(LOGIN)).toBe(1);
  });

  it('everyone who waits gets the same error when the login runs out of its own time, and the next call may log in', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, stall, tokenAnswer('t1', LEASE));
    const calls = [failure(stage.use()), failure(stage.use())];
    await stage.fake.requested('POST', LOGIN);
    expect(stage.clock.pending).toEqual([OWN_BUDGET_MS]);
    stage.clock.advance(OWN_BUDGET_MS);
    const [one, two] = await Promise.all(calls);
    expect(one).toMatchObject({ class: 'deadline-exceeded', message: 'the login took too long' });
    expect(two).toBe(one);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('a login that fails when nobody waits any more harms nobody', async () => {
    await using stage = await openSession();
    const login = hold(errors(503, 'Vault is sealed'));
    stage.fake.on('POST', LOGIN, login.reply, tokenAnswer('t1', LEASE));
    const hasty = new AbortController();
    const call = failure(stage.use(hasty.signal));
    await stage.fake.requested('POST', LOGIN);
    hasty.abort(new KeystoreError('cancelled', 'gone'));
    await call;
    login.release();
    await until('the failure is logged', () => stage.log.entries('login to OpenBao failed').length === 1);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('refusals of every other status pass to the caller', async () => {
    await using stage = await loggedIn();
    for (const status of [204, 400, 404, 413, 429]) {
      stage.fake.on('POST', USE, text(status, ''));
      expect(await stage.use()).toMatchObject({ status });
    }
    expect([stage.count(LOGIN), stage.count(LOOKUP)]).toEqual([1, 0]);
  });

  it('R-AUTH-18 R-ERR-13 a login that fails is not repeated by the layer that repeats requests', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, errors(400, 'role is out of season'));
    expect(await failure(stage.use())).toMatchObject({ class: 'server-error' });
    expect(stage.count(LOGIN)).toBe(1);
  });
});

describe('renewal', () => {
  it('R-AUTH-13 comes at two thirds of the lease, in the background, and again', async () => {
    await using stage = await loggedIn();
    expect(stage.clock.pending).toEqual([40_000]);
    stage.clock.advance(39_999);
    await stage.use();
    expect(stage.count(RENEW)).toBe(0);
    const renewal = hold(tokenAnswer('t1', LEASE));
    stage.fake.on('POST', RENEW, renewal.reply);
    stage.clock.advance(1);
    await stage.fake.requested('POST', RENEW);
    expect(await stage.use()).toMatchObject({ status: 200 });
    renewal.release();
    await until('the next care is due', () => stage.clock.pending[0] === 40_000);
    expect([stage.count(LOGIN), stage.count(RENEW)]).toEqual([1, 1]);
  });

  it('R-AUTH-13 is spread by ±10 % so that replicas do not come together', async () => {
    await using stage = await openSession();
    stage.clock.chance = 0;
    await stage.use();
    expect(stage.clock.pending[0]).toBeCloseTo(36_000);
  });

  it.each<[string, Reply]>([
    ['success without a body, as when the role is gone', noContent],
    ['success without auth', json(200, { data: {} })],
    ['no longer life', tokenAnswer('t1', 20)],
    ['no time at all, as just before the maximum', tokenAnswer('t1', 0)],
    ['a refusal to renew', errors(400, 'lease is not renewable')],
    ['a denial', errors(403, DENIED_BY_POLICY)],
    ['a token that is dead', errors(403, TOKEN_IS_DEAD)],
    ['less than nine tenths of the lease', tokenAnswer('t1', 53)],
  ])('R-AUTH-14 that brings %s leads to a login before the old token ends, and no call fails', async (_name, reply) => {
    await using stage = await loggedIn();
    const login = hold(tokenAnswer('t2', LEASE));
    stage.fake.on('POST', RENEW, reply);
    stage.fake.on('POST', LOGIN, login.reply);
    stage.careIsDue();
    await stage.fake.requested('POST', LOGIN, 2);
    expect(await stage.use()).toMatchObject({ status: 200 });
    expect(stage.fake.seen('POST', USE).at(-1)?.token).toBe('t1');
    login.release();
    await until('the new token is cared for', () => stage.clock.pending[0] === 40_000);
    await stage.use();
    expect(stage.fake.seen('POST', USE).at(-1)?.token).toBe('t2');
    expect(stage.count(LOOKUP)).toBe(0);
  });

  it('R-AUTH-14 is not tried for a token that cannot be renewed: a login comes instead', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, tokenAnswer('t1', LEASE, { renewable: false }), tokenAnswer('t2', LEASE));
    await stage.use();
    stage.careIsDue();
    await until('the new token is cared for', () => stage.clock.pending[0] === 40_000 && stage.count(LOGIN) === 2);
    expect(stage.count(RENEW)).toBe(0);
  });

  it('is not due for a token without an end', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, tokenAnswer('t1', 0));
    await stage.use();
    expect(stage.clock.pending).toEqual([]);
  });

  it.each<[string, Reply]>([
    ['a server error', errors(500, '1 error occurred:\n\t* internal error\n\n')],
    ['no connection', cut],
    ['a rate limit', errors(429, 'rate limit quota exceeded')],
    ['no active node', text(307, '')],
    ['a page of a proxy', text(502, '<html>')],
  ])(
    'that fails by %s is tried again after 1 s to 30 s, and below a fifth of the lease a login',
    async (_name, reply) => {
      await using stage = await openSession();
      stage.fake.on('POST', LOGIN, tokenAnswer('t1', 600), tokenAnswer('t2', 600));
      stage.fake.on('POST', RENEW, reply);
      stage.clock.chance = 0.999;
      await stage.use();
      stage.careIsDue();
      const pauses: number[] = [];
      await stage.settled();
      while (stage.count(LOGIN) < 2) {
        expect(stage.clock.pending).toHaveLength(1);
        pauses.push(stage.clock.pending[0]!);
        stage.careIsDue();
        await stage.settled();
      }
      expect(stage.clock.pending[0]).toBeGreaterThan(400_000);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(1000);
      // From two thirds (+10 %) of ten minutes to beyond four fifths, and not one more.
      expect(pauses.map((ms) => Math.round(ms / 1000))).toEqual([2, 4, 8, 16, 30]);
      expect(await stage.use()).toMatchObject({ status: 200 });
    },
  );

  it('and a login that fails too do not end the care before the token ends; then the next call logs in', async () => {
    await using stage = await loggedIn();
    stage.fake.on('POST', RENEW, errors(400, 'lease is not renewable'));
    stage.fake.on('POST', LOGIN, errors(503, 'Vault is sealed'));
    while (stage.clock.pending.length > 0) {
      const failures = (): number => stage.log.entries('the token could not be renewed or replaced').length;
      const before = failures();
      expect(await stage.use()).toMatchObject({ status: 200 });
      stage.careIsDue();
      await until('the care is over', () => failures() > before);
    }
    expect(stage.clock.now() - 1_000_000).toBeGreaterThanOrEqual(LEASE * 1000);
    expect(await failure(stage.use())).toMatchObject({ class: 'sealed' });
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('R-AUTH-14 over an hour of a token with a short maximum no call fails and no login is wasted', async () => {
    await using stage = await openSession();
    const [ttl, max] = [60, 300];
    const born = new Map<string, number>();
    const ends = new Map<string, number>();
    let logins = 0;
    const now = (): number => stage.clock.now() / 1000;
    stage.fake.on('POST', LOGIN, (response, request) => {
      logins += 1;
      const token = `t${logins}`;
      born.set(token, now());
      ends.set(token, now() + ttl);
      tokenAnswer(token, ttl)(response, request);
    });
    stage.fake.on('POST', RENEW, (response, request) => {
      const token = request.token ?? '';
      const end = Math.min(now() + ttl, born.get(token)! + max);
      ends.set(token, end);
      tokenAnswer(token, Math.floor(end - now()))(response, request);
    });
    stage.fake.on('POST', USE, (response, request) =>
      (ends.get(request.token ?? '')! > now() ? ok : errors(403, TOKEN_IS_DEAD))(response, request),
    );
    for (let call = 0; call < 720; call += 1) {
      stage.clock.chance = ((call * 7919) % 1000) / 1000;
      expect(await stage.use()).toMatchObject({ status: 200 });
      await stage.settled();
      stage.clock.advance(5000);
    }
    expect(stage.count(LOOKUP)).toBe(0);
    expect(stage.count(USE)).toBe(720);
    expect(logins).toBeLessThanOrEqual(3600 / (max - ttl) + 1);
  });
});

describe('a denial on use', () => {
  it('R-AUTH-15 of a token that was revoked costs one look, one login and one repetition each, whatever the number of callers', async () => {
    await using stage = await loggedIn();
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    stage.fake.on('POST', USE, byToken({ t2: ok }));
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.use()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect([stage.count(LOOKUP), stage.count(LOGIN), stage.count(USE)]).toEqual([1, 2, 101]);
    expect(stage.fake.seen('GET', LOOKUP)[0]?.token).toBe('t1');
  });

  it('R-AUTH-17 that comes late for an older token costs the present one nothing', async () => {
    await using stage = await loggedIn();
    const late = hold(errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', USE, late.reply, byToken({ t2: ok }));
    const slow = stage.use();
    await stage.fake.requested('POST', USE, 2);
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    expect(await stage.use()).toMatchObject({ status: 200 });
    late.release();
    expect(await slow).toMatchObject({ status: 200 });
    expect([stage.count(LOOKUP), stage.count(LOGIN)]).toEqual([1, 2]);
    await stage.use();
    expect(stage.fake.seen('POST', USE).at(-1)?.token).toBe('t2');
  });

  it('R-AUTH-16 for a live token is permission denied, after one look and one fresh login for all', async () => {
    await using stage = await loggedIn();
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    stage.fake.on('POST', USE, errors(403, DENIED_BY_POLICY));
    const denied = await Promise.all(Array.from({ length: 20 }, () => failure(stage.use())));
    for (const error of denied) {
      expect(error).toMatchObject({
        class: 'permission-denied',
        details: { policyPath: USE, capability: 'update', httpStatus: 403 },
      });
    }
    expect([stage.count(LOOKUP), stage.count(LOGIN)]).toEqual([1, 2]);
  });

  it('R-AUTH-16 leads to at most one fresh login in 5 minutes while denials last', async () => {
    await using stage = await openSession();
    stage.fake.on('POST', LOGIN, tokenAnswer('t1', 100_000));
    stage.fake.on('POST', USE, errors(403, DENIED_BY_POLICY));
    for (let second = 0; second < 900; second += 10) {
      expect(await failure(stage.use())).toMatchObject({ class: 'permission-denied' });
      stage.clock.advance(10_000);
    }
    expect(stage.count(LOGIN)).toBe(1 + 3);
    expect(stage.count(LOOKUP)).toBeLessThanOrEqual(90);
  });

  it('R-AUTH-16 ends with that fresh login when the role has been given the policy meanwhile', async () => {
    await using stage = await loggedIn();
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    stage.fake.on('POST', USE, byToken({ t1: errors(403, DENIED_BY_POLICY), t2: ok }));
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it.each<[string, Reply]>([
    ['is refused', errors(400, 'invalid role or secret ID')],
    ['finds the server sealed', errors(503, 'Vault is sealed')],
  ])('stays one when the fresh login %s', async (_name, reply) => {
    await using stage = await loggedIn();
    stage.fake.on('POST', LOGIN, reply);
    stage.fake.on('POST', USE, errors(403, DENIED_BY_POLICY));
    expect(await failure(stage.use())).toMatchObject({ class: 'permission-denied' });
    stage.fake.on('POST', USE, ok);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('of the look itself, by policy, shows that the token is alive', async () => {
    await using stage = await loggedIn();
    stage.fake.on('GET', LOOKUP, errors(403, DENIED_BY_POLICY));
    stage.fake.on('POST', USE, errors(403, DENIED_BY_POLICY));
    expect(await failure(stage.use())).toMatchObject({ class: 'permission-denied' });
  });

  it('does not spare a token that is revoked soon after it was seen alive', async () => {
    await using stage = await loggedIn();
    stage.fake.on('POST', USE, errors(403, DENIED_BY_POLICY));
    await failure(stage.use());
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', LOGIN, tokenAnswer('t3', LEASE));
    stage.fake.on('POST', USE, byToken({ t3: ok }));
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it.each<[string, Reply, string]>([
    ['is sealed', errors(503, 'Vault is sealed'), 'sealed'],
    ['cannot be reached', cut, 'unreachable'],
    ['is a proxy', text(403, '<html>'), 'not-an-openbao-answer'],
    ['fails', errors(500, 'internal error'), 'server-error'],
  ])('is no denial when the server that is asked about the token %s', async (_name, reply, errorClass) => {
    await using stage = await loggedIn();
    stage.fake.on('POST', USE, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('GET', LOOKUP, reply);
    expect(await failure(stage.use())).toMatchObject({ class: errorClass });
    expect(stage.count(LOGIN)).toBe(1);
  });

  it.each<[string, Reply]>([
    ['a page', text(403, '<html>Forbidden</html>')],
    ['other JSON', json(403, { message: 'permission denied' })],
    ['nothing', text(403, '')],
  ])('R-AUTH-20 that is %s comes from something else, and neither a look nor a login follows', async (_name, reply) => {
    await using stage = await loggedIn();
    stage.fake.on('POST', USE, reply);
    expect(await failure(stage.use())).toMatchObject({ class: 'not-an-openbao-answer' });
    expect([stage.count(LOGIN), stage.count(LOOKUP)]).toEqual([1, 0]);
  });

  it('of every new token makes logins rest, from 5 s doubling to 5 min', async () => {
    await using stage = await openSession();
    stage.clock.chance = 0;
    let logins = 0;
    stage.fake.on('POST', LOGIN, (response, request) => {
      logins += 1;
      tokenAnswer(`t${logins}`, 100_000)(response, request);
    });
    stage.fake.on('POST', USE, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    const minutes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (const minute of minutes.keys()) {
      const before = logins;
      for (let call = 0; call < 60; call += 1) {
        expect(await failure(stage.use())).toMatchObject({ class: 'permission-denied' });
        stage.clock.advance(1000);
      }
      minutes[minute] = logins - before;
    }
    expect(minutes[0]).toBeLessThanOrEqual(6);
    expect(Math.max(...minutes.slice(1))).toBeLessThanOrEqual(1);
    stage.clock.advance(330_000);
    stage.fake.on('POST', USE, ok);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });
});

describe('the end', () => {
  it('R-AUTH-22 revokes the token', async () => {
    const stage = await loggedIn();
    await stage[Symbol.asyncDispose]();
    expect(stage.fake.seen('POST', REVOKE).map(({ token }) => token)).toEqual(['t1']);
  });

  it('without a login sends nothing', async () => {
    const stage = await openSession();
    await stage[Symbol.asyncDispose]();
    expect(stage.fake.requests).toEqual([]);
  });

  it('revokes no token that has ended by itself', async () => {
    const stage = await loggedIn();
    stage.session.quiesce();
    stage.clock.advance(LEASE * 1000);
    await stage[Symbol.asyncDispose]();
    expect(stage.count(REVOKE)).toBe(0);
  });

  it('R-AUTH-22 waits for a login that is under way and revokes its token', async () => {
    const stage = await openSession();
    const login = hold(tokenAnswer('t7', LEASE));
    stage.fake.on('POST', LOGIN, login.reply);
    const call = failure(stage.use());
    await stage.fake.requested('POST', LOGIN);
    const closing = stage[Symbol.asyncDispose]();
    login.release();
    await call;
    await closing;
    expect(stage.fake.seen('POST', REVOKE).map(({ token }) => token)).toEqual(['t7']);
  });

  it('comes in time when the revocation hangs, and leaves nothing', async () => {
    const stage = await loggedIn();
    stage.fake.on('POST', REVOKE, stall);
    const closing = stage[Symbol.asyncDispose]();
    await stage.fake.requested('POST', REVOKE);
    expect(stage.clock.pending).toEqual([OWN_BUDGET_MS]);
    stage.clock.advance(OWN_BUDGET_MS);
    await closing;
  });

  it('comes at once when its signal ends', async () => {
    const stage = await loggedIn();
    stage.fake.on('POST', REVOKE, stall);
    const limit = new AbortController();
    const closing = stage.session.close(limit.signal);
    await stage.fake.requested('POST', REVOKE);
    limit.abort();
    await closing;
    await stage[Symbol.asyncDispose]();
  });

  it('does not wait for a login beyond its signal', async () => {
    const stage = await openSession();
    stage.fake.on('POST', LOGIN, stall);
    const call = failure(stage.use());
    await stage.fake.requested('POST', LOGIN);
    stage.clock.advance(OWN_BUDGET_MS - 1);
    const closing = stage.session.close(AbortSignal.abort());
    stage.clock.advance(1);
    await closing;
    expect(await call).toMatchObject({ class: 'deadline-exceeded' });
    await stage[Symbol.asyncDispose]();
  });

  it('is the same promise for all who ask', async () => {
    await using stage = await loggedIn();
    const closing = stage.session.close(never);
    expect(stage.session.close(never)).toBe(closing);
    await closing;
    expect(stage.count(REVOKE)).toBe(1);
  });

  it('takes the token out of use', async () => {
    await using stage = await loggedIn();
    await stage.session.close(never);
    expect(await failure(stage.use())).toMatchObject({ class: 'stopping' });
  });
});

describe('once quiet', () => {
  it('R-AUTH-23 a session uses the token at hand, renews nothing, and refuses the login that is due', async () => {
    await using stage = await loggedIn();
    stage.session.quiesce();
    expect(stage.clock.pending).toEqual([]);
    expect(await stage.use()).toMatchObject({ status: 200 });
    stage.clock.advance(LEASE * 1000);
    expect(await failure(stage.use())).toMatchObject({ class: 'stopping' });
    expect([stage.count(LOGIN), stage.count(RENEW)]).toEqual([1, 0]);
  });

  it('R-AUTH-23 a renewal that was under way is not followed by another', async () => {
    await using stage = await loggedIn();
    const renewal = hold(tokenAnswer('t1', LEASE));
    stage.fake.on('POST', RENEW, renewal.reply);
    stage.careIsDue();
    await stage.fake.requested('POST', RENEW);
    stage.session.quiesce();
    renewal.release();
    await until('the renewal is over', () => stage.clock.pending.length === 0);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });
});
