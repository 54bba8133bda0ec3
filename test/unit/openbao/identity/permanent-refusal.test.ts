import { Secret } from '../../../../src/config/secret.ts';
import type { Answer } from '../../../../src/openbao/answer.ts';
import { createCertificate } from '../../../../src/openbao/auth/certificate.ts';
import { createJwt } from '../../../../src/openbao/auth/jwt.ts';
import { createKubernetes } from '../../../../src/openbao/auth/kubernetes.ts';
import type { LoginMethod } from '../../../../src/openbao/auth/login-method.ts';
import { appRole } from './identity.ts';
import { CALLS_MS, gaps, most, openProcesses } from './processes.ts';
import { LOCKED_MS, type RoleLock } from './role-lock.ts';
import { refusal } from './weather.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const RIGHT = appRole(() => 'right');
const WRONG = appRole(() => 'wrong');

/** As many failures of somebody else as it takes. */
function shut(lock: RoleLock): void {
  while (!lock.isShut()) lock.failed();
}

describe('R-AUTH-18 a refused secret id', () => {
  it('is sent once, and in a day of calls never again within 16 minutes; the one that replaces it is sent at once', async () => {
    const { clock, pass, server, start } = openProcesses(1);
    server.secretIds.add('right');
    let file = 'wrong';
    const { counts } = start(appRole(() => file));
    await pass(DAY);
    expect(Object.keys(counts)).toEqual(['login-refused']);
    expect(counts['login-refused']).toBeGreaterThan(2000);
    expect(gaps(server.loginRequests)[0]).toBeGreaterThanOrEqual(16 * MINUTE);
    // 16 minutes doubling to 4 hours.
    expect(server.loginRequests).toHaveLength(9);
    file = 'right';
    const replacedAt = clock.now();
    await pass(5 * MINUTE);
    expect(server.loginRequests).toHaveLength(10);
    expect(server.loginRequests[9]! - replacedAt).toBeLessThan(5 * MINUTE);
    expect(counts.ok).toBeGreaterThan(0);
  });

  it('that was made good on the server is found to be so without a restart', async () => {
    const { pass, server, start } = openProcesses(2);
    const { counts } = start(appRole(() => 'late'));
    await pass(MINUTE);
    server.secretIds.add('late');
    await pass(20 * MINUTE);
    expect(counts.ok).toBeGreaterThan(0);
  });
});

describe('R-AUTH-61 processes that share a role which five failures lock', () => {
  it.each([
    [1, 9],
    [2, 8],
    [3, 7],
    [4, 6],
  ])('%i of ten with a wrong secret id never lock it in a day, and the others never notice', async (wrong, right) => {
    const { pass, server, start } = openProcesses(wrong);
    server.secretIds.add('right');
    const good = Array.from({ length: right }, (_, index) => start(RIGHT, { afterMs: index * SECOND }));
    const bad = Array.from({ length: wrong }, (_, index) => start(WRONG, { afterMs: index * SECOND }));
    await pass(DAY);
    expect(server.lock.shutAt).toEqual([]);
    for (const { counts } of good) expect(Object.keys(counts)).toEqual(['ok']);
    for (const { counts } of bad) expect(Object.keys(counts)).toEqual(['login-refused']);
  });

  it('two with one wrong secret id never lock it, however far apart they are started', async () => {
    for (let minutes = 0; minutes <= 60; minutes += 2) {
      const { pass, server, start } = openProcesses(minutes);
      start(WRONG);
      start(WRONG, { afterMs: minutes * MINUTE });
      await pass(DAY / 2);
      expect([minutes, server.lock.shutAt]).toEqual([minutes, []]);
    }
  });

  // Each has to hear the refusal once, and the fifth that does locks the role: without a word between them, ten cannot help it.
  it.each([1, 2, 3])(
    'ten with one wrong secret id lock it at first and then ever more seldom, and are served 21 minutes after its repair (seed %i)',
    async (seed) => {
      const { clock, pass, server, start } = openProcesses(seed);
      server.secretIds.add('right');
      let file = 'wrong';
      const inTheFile = appRole(() => file);
      const ten = Array.from({ length: 10 }, (_, index) => start(inTheFile, { afterMs: index * SECOND }));
      await pass(DAY);
      expect(server.lock.failures).toBeLessThanOrEqual(10 * 9);
      expect(server.lock.shutAt.length * LOCKED_MS).toBeLessThan(DAY / 6);
      const lateLocks = server.lock.shutAt.filter((time) => time > clock.now() - DAY / 2);
      expect(lateLocks.length).toBeLessThanOrEqual(6);
      // The worst moment for the repair: just after the role was locked.
      shut(server.lock);
      file = 'right';
      const repairedAt = clock.now();
      await pass(25 * MINUTE);
      for (const { firstOkAt } of ten) expect(firstOkAt - repairedAt).toBeLessThan(21 * MINUTE + 5 * CALLS_MS);
    },
  );

  it('a lockout does not bring a refused secret id back any sooner', async () => {
    const { clock, pass, server, start } = openProcesses(5);
    start(WRONG);
    await pass(MINUTE);
    const keepShut = (): void => {
      shut(server.lock);
      clock.schedule(MINUTE, keepShut);
    };
    keepShut();
    await pass(DAY / 4);
    expect(gaps(server.loginRequests)[0]).toBeGreaterThanOrEqual(16 * MINUTE);
  });
});

describe('R-AUTH-19 a refused credential of any other method', () => {
  const read = (): Promise<Secret> => Promise.resolve(new Secret('credential'));
  const fingerprint = (): Promise<string> => Promise.resolve('f');
  const token = { source: 'file', file: { path: '/token' } } as const;
  const kubernetes = createKubernetes({ mount: 'kubernetes', role: 'r', token, read });
  const jwt = createJwt({ mount: 'jwt', role: 'r', token, read });
  const cert = createCertificate({ name: 'cert', mount: 'cert', role: 'r', fingerprint });
  const callCertificate = createCertificate({ name: 'callCertificate', mount: 'cert', role: 'r', fingerprint });

  it.each<[string, LoginMethod, Answer, string]>([
    ['kubernetes', kubernetes, refusal(403, 'service account name not authorized'), 'login-refused'],
    ['kubernetes, of which nothing is said', kubernetes, refusal(403, 'permission denied'), 'server-error'],
    ['jwt', jwt, refusal(400, 'error validating token: invalid issuer (iss) claim'), 'login-refused'],
    ['jwt, in words that nobody knows', jwt, refusal(400, 'the moon is full'), 'server-error'],
    ['cert', cert, refusal(400, 'invalid certificate or no client certificate supplied'), 'login-refused'],
    ['callCertificate', callCertificate, refusal(400, 'no client certificate found'), 'login-refused'],
    ['callCertificate, of a missing mount', callCertificate, refusal(403, 'permission denied'), 'login-refused'],
  ])('%s is sent at most 5 times in the first minute, and then once in 5', async (_name, method, said, outcome) => {
    for (const callsMs of [SECOND, CALLS_MS]) {
      const { pass, server, start } = openProcesses(3);
      server.loginRefusal = said;
      const { counts } = start(method, { callsMs });
      await pass(DAY / 8);
      expect(Object.keys(counts)).toEqual([outcome]);
      const [first = 0] = server.loginRequests;
      const later = server.loginRequests.filter((time) => time >= first + MINUTE);
      expect(server.loginRequests.length - later.length).toBeLessThanOrEqual(5);
      expect(gaps(later)[0]).toBeGreaterThanOrEqual(5 * MINUTE);
      expect(later.length).toBeGreaterThan(25);
      server.loginRefusal = undefined;
      server.secretIds.add('');
      await pass(6 * MINUTE + 5 * CALLS_MS);
      expect(counts.ok).toBeGreaterThan(0);
    }
  });
});

describe('R-AUTH-16 while nothing but a policy is missing', () => {
  it('no process logs in more than once in 5 minutes, and the repair of the role is noticed without a restart', async () => {
    const { clock, pass, server, start } = openProcesses(4);
    server.secretIds.add('right');
    server.policy = 'missing on the role';
    const { counts } = start(RIGHT);
    await pass(DAY / 4);
    expect(Object.keys(counts)).toEqual(['permission-denied']);
    const [, ...fresh] = server.issued.map(({ at }) => at);
    expect(most(fresh, 5 * MINUTE)).toBe(1);
    expect(fresh.length).toBeGreaterThan(50);
    server.policy = 'granted';
    const repairedAt = clock.now();
    await pass(6 * MINUTE);
    const { ok = 0 } = counts;
    expect(ok).toBeGreaterThan(0);
    expect(server.issued.at(-1)!.at - repairedAt).toBeLessThan(5 * MINUTE + 10 * SECOND + 5 * CALLS_MS);
  });

  it('a fresh login that cannot be had does not count as the one in 5 minutes', async () => {
    const { pass, server, start } = openProcesses(6);
    server.secretIds.add('right');
    server.policy = 'missing on the role';
    const { counts } = start(RIGHT);
    await pass(20 * MINUTE);
    server.policy = 'granted';
    server.loginRefusal = refusal(429, 'request path "auth/approle/login": rate limit quota exceeded');
    await pass(20 * MINUTE);
    expect(Object.keys(counts)).toEqual(['permission-denied']);
    server.loginRefusal = undefined;
    await pass(10 * SECOND + 4 * CALLS_MS);
    expect(counts.ok).toBeGreaterThan(0);
  });
});
