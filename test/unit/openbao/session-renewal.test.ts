import {
  cut,
  DENIED_BY_POLICY,
  errors,
  hold,
  json,
  noContent,
  type Reply,
  text,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import { until } from '../../support/until.ts';
import { failure, LEASE, loggedIn, LOGIN, LOOKUP, openSession, RENEW, USE, USED } from './session-fixture.ts';

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
      (ends.get(request.token ?? '')! > now() ? USED : errors(403, TOKEN_IS_DEAD))(response, request),
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
