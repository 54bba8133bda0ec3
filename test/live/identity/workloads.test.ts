import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';

import { enableJwt, enableKubernetes } from '../../../scripts/openbao/setup.ts';
import { CUSTOMER_ROLE } from '../../support/customer.ts';
import { createIssuer, type Issuer } from '../../support/jwt.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { createAuthority } from '../../support/pki.ts';
import { startTokenReviews, type TokenReviews } from '../../support/token-review.ts';
import { until } from '../../support/until.ts';
import { KEY, LOGIN_FAILED, NOT_RENEWED, type Place, startPlace, TOKEN_UNKNOWN } from './process-identity.ts';

const ACCOUNT = { namespace: 'cmk', name: 'plugin' };
const VOLUME = 'serviceaccount';
const AUDIENCE = 'openbao';

let place: Place;
let reviews: TokenReviews;
beforeAll(async () => {
  [place, reviews] = await Promise.all([startPlace(), startTokenReviews()]);
  await enableKubernetes(place.customer.bao, {
    role: 'plugin',
    policies: [CUSTOMER_ROLE],
    reviewer: reviews,
    serviceAccounts: [ACCOUNT.name],
    namespaces: [ACCOUNT.namespace],
    audience: AUDIENCE,
    tokenTtl: '600s',
  });
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await reviews[Symbol.asyncDispose]();
});

describe('a service account', () => {
  afterEach(async () => {
    reviews.failWith(undefined);
    await reviews.down();
    await reviews.up();
  });

  const project = (token: string): Promise<void> => place.project(VOLUME, { token });
  const auth = () => ({ method: 'kubernetes', role: 'plugin', tokenPath: place.path(`${VOLUME}/token`) });

  it('R-AUTH-24 R-AUTH-40 whose projected token kubelet swaps by a link: the next login reads the new one, and no call notices', async () => {
    const first = reviews.project(ACCOUNT);
    await project(first);
    await using live = place.open(auth());
    expect(await live.roundTrip(KEY)).toBe('ok');
    await project(reviews.project(ACCOUNT));
    reviews.distrust(first);
    await place.revokeTokensOf('plugin');
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => live.roundTrip(KEY)));
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
    expect(live.logins()).toBe(2);
    expect(live.log.entries(LOGIN_FAILED)).toEqual([]);
  });

  it('R-AUTH-24 whose token is swapped all the time while it is read: every login succeeds', async () => {
    const tokens = [reviews.project(ACCOUNT), reviews.project(ACCOUNT)];
    await project(tokens[0]!);
    const over = new AbortController();
    const swaps = (async () => {
      for (let swap = 0; !over.signal.aborted; swap += 1)
        await Promise.all([project(tokens[swap % 2]!), setTimeout(50)]);
    })();
    const outcomes: string[] = [];
    for (let login = 0; login < 20; login += 1) {
      await using live = place.open(auth());
      outcomes.push(await live.roundTrip(KEY));
    }
    over.abort();
    await swaps;
    expect(outcomes).toEqual(outcomes.map(() => 'ok'));
  });

  it('R-AUTH-14 whose token at the login is no longer good, so that OpenBao renews nothing: a login with the present one, and no call notices', async () => {
    const clock = new ManualClock();
    const first = reviews.project(ACCOUNT);
    await project(first);
    await using live = place.open(auth(), { clock });
    expect(await live.roundTrip(KEY)).toBe('ok');
    reviews.distrust(first);
    await project(reviews.project(ACCOUNT));
    clock.advance(clock.pending[0]!);
    await until('the login in place of the renewal', () => live.logins() === 2);
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect([...live.log.entries(LOGIN_FAILED), ...live.log.entries(TOKEN_UNKNOWN)]).toEqual([]);
  });

  it('R-AUTH-34 R-AUTH-20 while the Kubernetes API is down: the token at hand serves, a login is UNAVAILABLE and no refusal, and all comes back by itself', async () => {
    const clock = new ManualClock();
    await project(reviews.project(ACCOUNT));
    await using live = place.open(auth(), { clock });
    expect(await live.roundTrip(KEY)).toBe('ok');

    await reviews.down();
    clock.advance(clock.pending[0]!);
    await until('the renewal that fails', () => live.log.entries(NOT_RENEWED).length === 1);
    expect(await live.roundTrip(KEY)).toBe('ok');
    await reviews.up();
    clock.advance(clock.pending[0]!);
    await until('the renewal', () => clock.pending.some((ms) => ms > 300_000));
    expect(live.logins()).toBe(1);

    await reviews.down();
    await place.revokeTokensOf('plugin');
    for (let call = 0; call < 5; call += 1) expect(await live.roundTrip(KEY)).toBe('server-error');
    // The one in place of the renewal, whose credential rests.
    expect(live.log.entries(LOGIN_FAILED).map((entry) => entry.class)).toEqual(['server-error']);
    await reviews.up();
    clock.advance(6000);
    expect(await live.roundTrip(KEY)).toBe('ok');
  });

  it.each([401, 500])('R-AUTH-34 R-AUTH-20 while the Kubernetes API answers %i: no refusal', async (status) => {
    await project(reviews.project(ACCOUNT));
    reviews.failWith(status);
    await using live = place.open(auth());
    expect(await live.roundTrip(KEY)).toBe('server-error');
  });

  it.each<[string, () => string]>([
    ['is not bound to the role', () => reviews.project({ ...ACCOUNT, name: 'other' })],
    ['is of another namespace', () => reviews.project({ ...ACCOUNT, namespace: 'other' })],
    ['has a token for another audience', () => reviews.project({ ...ACCOUNT, audience: 'other' })],
    ['has a token that has expired', () => reviews.project(ACCOUNT, expired())],
  ])(
    'R-AUTH-19 R-AUTH-40 that %s: refused once, and the right token in the file serves at once',
    async (_name, token) => {
      await project(token());
      await using live = place.open(auth());
      for (let call = 0; call < 8; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
      expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
      await project(reviews.project(ACCOUNT));
      expect(await live.roundTrip(KEY)).toBe('ok');
    },
  );

  it('R-AUTH-20 whose token file is a directory, or gone: UNAVAILABLE, and the token in its place serves', async () => {
    await place.makeDirectory('elsewhere/token');
    await using live = place.open({ ...auth(), tokenPath: place.path('elsewhere/token') });
    expect(await live.roundTrip(KEY)).toBe('credential-unreadable');
    await place.remove('elsewhere');
    expect(await live.roundTrip(KEY)).toBe('credential-unreadable');
    await place.project('elsewhere', { token: reviews.project(ACCOUNT) });
    expect(await live.roundTrip(KEY)).toBe('ok');
  });
});

describe('a signed token', () => {
  const issuer = createIssuer();
  const auth = (mount = 'jwt') => ({ method: 'jwt', mount, role: 'plugin', tokenPath: place.path('signed') });
  const sign = (claims: object = {}, by: Issuer = issuer) => by.issue({ sub: 'plugin', aud: AUDIENCE, ...claims });
  const role = { role: 'plugin', policies: [CUSTOMER_ROLE], audience: AUDIENCE, subject: 'plugin' };

  beforeAll(() => enableJwt(place.customer.bao, { ...role, keys: { publicKeysPem: [issuer.publicKeyPem] } }));

  it('R-AUTH-24 R-AUTH-40 that its issuer replaces before the next login: no call notices', async () => {
    await place.write('signed', sign());
    await using live = place.open(auth());
    expect(await live.roundTrip(KEY)).toBe('ok');
    await place.write('signed', sign());
    await place.revokeTokensOf('plugin');
    expect(await live.roundTrip(KEY)).toBe('ok');
    expect(live.logins()).toBe(2);
  });

  it.each<[string, () => string]>([
    ['has expired', () => sign(expired())],
    ['is for another audience', () => sign({ aud: 'other' })],
    ['is of another subject', () => sign({ sub: 'other' })],
    ['is signed by somebody else', () => sign({}, createIssuer())],
    ['is no token', () => 'no token'],
  ])(
    'R-AUTH-19 R-AUTH-40 that %s: refused once, and the right one in the file serves at once',
    async (_name, token) => {
      await place.write('signed', token());
      await using live = place.open(auth());
      for (let call = 0; call < 8; call += 1) expect(await live.roundTrip(KEY)).toBe('login-refused');
      expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
      await place.write('signed', sign());
      expect(await live.roundTrip(KEY)).toBe('ok');
    },
  );

  it('R-AUTH-34 R-AUTH-20 while the server of its keys is down: UNAVAILABLE and no refusal, and it serves when that is back', async () => {
    const authority = await createAuthority();
    const own = await authority.issue({ commonName: 'keys', usage: 'server' });
    const server = createServer({ cert: own.certificatePem, key: own.privateKeyPem }, (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [issuer.jwk] })),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const keys = { url: `https://127.0.0.1:${port}/keys`, caPem: authority.certificatePem };
    await enableJwt(place.customer.bao, { ...role, mount: 'published', keys });

    const clock = new ManualClock();
    await place.write('signed', sign());
    await using live = place.open(auth('published'), { clock });
    for (let call = 0; call < 5; call += 1) expect(await live.roundTrip(KEY)).toBe('server-error');
    expect(live.log.entries(LOGIN_FAILED)).toHaveLength(1);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    clock.advance(6000);
    expect(await live.roundTrip(KEY)).toBe('ok');
    server.close();
    server.closeAllConnections();
  });
});

/** Claims of a token beyond every leeway. */
function expired(): { readonly iat: number; readonly exp: number } {
  const now = Math.floor(Date.now() / 1000);
  return { iat: now - 7200, exp: now - 3600 };
}
