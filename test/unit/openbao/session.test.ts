import { KeystoreError } from '../../../src/keystore/errors.ts';
import { errors, hold, stall, text, tokenAnswer } from '../../support/fake-openbao.ts';
import { until } from '../../support/until.ts';
import {
  failure,
  LEASE,
  loggedIn,
  LOGIN,
  LOOKUP,
  openSession,
  OWN_BUDGET_MS,
  RENEW,
  REVOKE,
  USE,
} from './session-fixture.ts';

const never = new AbortController().signal;

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
