import { errors, json, TOKEN_IS_DEAD, tokenAnswer } from '../../../support/fake-openbao.ts';
import { until } from '../../../support/until.ts';
import { LOOKUP_SELF, openProcessIdentity, RENEW_SELF, REVOKE_SELF, USE } from './process-identity.ts';

const look = (data: object) => json(200, { data });

describe('a token that was made elsewhere', () => {
  it('R-AUTH-40 R-AUTH-28 serves, is renewed, and is left alone at the end', async () => {
    const stage = await openProcessIdentity('token');
    expect(await stage.use()).toBe('ok');
    expect(stage.fake.seen('GET', USE).map(({ token }) => token)).toEqual(['t1']);
    stage.clock.advance(400_000);
    await stage.fake.requested('POST', RENEW_SELF);
    await until('the renewal', () => stage.clock.pending[0] === 400_000);
    stage.clock.advance(300_000); // beyond the end that it had at first
    expect(await stage.use()).toBe('ok');
    expect(stage.count(LOOKUP_SELF)).toBe(1);
    await stage[Symbol.asyncDispose]();
    expect(stage.count(REVOKE_SELF)).toBe(0);
  });

  it('R-AUTH-24 R-AUTH-28 is followed by the one in its file when it ends, and neither is revoked', async () => {
    await using stage = await openProcessIdentity('token');
    stage.fake.on('GET', LOOKUP_SELF, look({ ttl: 60, renewable: false }));
    expect(await stage.use()).toBe('ok');
    stage.files.write('/token', 't2');
    stage.clock.advance(59_000);
    expect(await stage.use()).toBe('ok');
    expect([stage.count(LOOKUP_SELF), stage.fake.seen('GET', USE).at(-1)?.token]).toEqual([1, 't1']);
    stage.clock.advance(1000);
    expect(await stage.use()).toBe('ok');
    expect(stage.fake.seen('GET', USE).at(-1)?.token).toBe('t2');
    expect([stage.count(RENEW_SELF), stage.count(REVOKE_SELF)]).toEqual([0, 0]);
  });

  it('R-AUTH-24 R-AUTH-28 that nears its maximum is followed by the one in its file before it ends', async () => {
    await using stage = await openProcessIdentity('token');
    expect(await stage.use()).toBe('ok');
    stage.fake.on('POST', RENEW_SELF, tokenAnswer('t1', 200));
    stage.files.write('/token', 't2');
    stage.clock.advance(400_000);
    await stage.fake.requested('GET', LOOKUP_SELF, 2);
    await until('the new token', () => stage.clock.pending[0] === 400_000);
    expect(await stage.use()).toBe('ok');
    expect(stage.fake.seen('GET', USE).at(-1)?.token).toBe('t2');
    expect(stage.count(REVOKE_SELF)).toBe(0);
  });

  it('R-AUTH-28 without a successor is looked at less than ten times on its way to its end', async () => {
    await using stage = await openProcessIdentity('token');
    const end = stage.clock.now() + 600_000;
    const left = () => Math.max(0, Math.floor((end - stage.clock.now()) / 1000));
    stage.fake.on('GET', LOOKUP_SELF, (response, request) =>
      (left() > 0 ? look({ ttl: left(), renewable: true }) : errors(403, TOKEN_IS_DEAD))(response, request),
    );
    stage.fake.on('POST', RENEW_SELF, (response, request) => tokenAnswer('t1', left())(response, request));
    expect(await stage.use()).toBe('ok');
    while (left() > 1) {
      const looks = stage.count(LOOKUP_SELF);
      stage.clock.advance(stage.clock.pending[0] ?? 1000);
      await until('the look in place of the renewal', () => left() <= 1 || stage.count(LOOKUP_SELF) > looks);
      await until('the end of it', () => !stage.clock.pending.includes(5000));
    }
    expect(stage.count(LOOKUP_SELF)).toBeLessThan(10);
    stage.clock.advance(2000);
    expect(await stage.use()).toBe('login-refused');
  });

  it('R-AUTH-19 R-AUTH-24 that OpenBao does not know is refused, and looked at again when its file changes or time has passed', async () => {
    await using stage = await openProcessIdentity('token');
    stage.fake.on('GET', LOOKUP_SELF, errors(403, TOKEN_IS_DEAD));
    for (let call = 0; call < 5; call += 1) expect(await stage.use()).toBe('login-refused');
    expect(stage.count(LOOKUP_SELF)).toBe(1);
    stage.clock.advance(6000);
    expect(await stage.use()).toBe('login-refused');
    expect(stage.count(LOOKUP_SELF)).toBe(2);
    stage.fake.on('GET', LOOKUP_SELF, look({ ttl: 600, renewable: true }));
    stage.files.write('/token', 't2');
    expect(await stage.use()).toBe('ok');
  });
});
