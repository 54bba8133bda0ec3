import {
  cut,
  DENIED_BY_POLICY,
  errors,
  hold,
  json,
  type Reply,
  text,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import {
  byToken,
  failure,
  LEASE,
  loggedIn,
  LOGIN,
  LOOKUP,
  openSession,
  RENEW,
  USE,
  USED,
  REVOKE,
} from './session-fixture.ts';

describe('a denial on use', () => {
  it('R-AUTH-15 of a token that was revoked costs one look, one login and one repetition each, whatever the number of callers', async () => {
    await using stage = await loggedIn();
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    stage.fake.on('POST', USE, byToken({ t2: USED }));
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.use()));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect([stage.count(LOOKUP), stage.count(LOGIN), stage.count(USE)]).toEqual([1, 2, 101]);
    expect(stage.fake.seen('GET', LOOKUP)[0]?.token).toBe('t1');
  });

  it('R-AUTH-17 that comes late for an older token costs the present one nothing', async () => {
    await using stage = await loggedIn();
    const late = hold(errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', USE, late.reply, byToken({ t2: USED }));
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
    stage.fake.on('POST', USE, byToken({ t1: errors(403, DENIED_BY_POLICY), t2: USED }));
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('R-AUTH-22 whose fresh login replaces a token revokes that one after its last request', async () => {
    await using stage = await loggedIn();
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    const held = hold(USED);
    stage.fake.on('POST', USE, held.reply, errors(403, DENIED_BY_POLICY));
    const running = stage.use();
    await stage.fake.requested('POST', USE, 2);
    await failure(stage.use());
    expect(stage.count(REVOKE)).toBe(0);
    held.release();
    await running;
    await stage.fake.requested('POST', REVOKE);
    expect(stage.fake.seen('POST', REVOKE).map(({ token }) => token)).toEqual(['t1']);
  });

  it.each<[string, Reply]>([
    ['is refused', errors(400, 'invalid role or secret ID')],
    ['finds the server sealed', errors(503, 'Vault is sealed')],
  ])('stays one when the fresh login %s', async (_name, reply) => {
    await using stage = await loggedIn();
    stage.fake.on('POST', LOGIN, reply);
    stage.fake.on('POST', USE, errors(403, DENIED_BY_POLICY));
    expect(await failure(stage.use())).toMatchObject({ class: 'permission-denied' });
    stage.fake.on('POST', USE, USED);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });

  it('R-AUTH-17 is not undone by a renewal of the older token that was under way', async () => {
    await using stage = await loggedIn();
    const renewal = hold(tokenAnswer('t1', LEASE * 10));
    stage.fake.on('POST', RENEW, renewal.reply);
    stage.careIsDue();
    await stage.fake.requested('POST', RENEW);
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('POST', LOGIN, tokenAnswer('t2', LEASE));
    stage.fake.on('POST', USE, byToken({ t2: USED }));
    await stage.use();
    renewal.release();
    await stage.settled();
    await stage.use();
    expect(stage.fake.seen('POST', USE).at(-1)?.token).toBe('t2');
    expect([stage.count(LOGIN), stage.clock.pending]).toEqual([2, [40_000]]);
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
    stage.fake.on('POST', USE, byToken({ t3: USED }));
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
    stage.fake.on('POST', USE, USED);
    expect(await stage.use()).toMatchObject({ status: 200 });
  });
});
