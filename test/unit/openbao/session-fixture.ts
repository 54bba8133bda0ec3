import { setImmediate } from 'node:timers/promises';

import { Secret } from '../../../src/config/secret.ts';
import type { Answer } from '../../../src/openbao/answer.ts';
import { createAppRole } from '../../../src/openbao/auth/approle.ts';
import { createCertificate } from '../../../src/openbao/auth/certificate.ts';
import { createClusterSource } from '../../../src/openbao/cluster-source.ts';
import { LoginGate } from '../../../src/openbao/login-gate.ts';
import { Session, type SessionRequest } from '../../../src/openbao/session.ts';
import {
  errors,
  type FakeOpenBao,
  json,
  noContent,
  type Reply,
  startFakeOpenBao,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type RecordedLog, recordLog } from '../../support/record-log.ts';
import { until } from '../../support/until.ts';

export const LOGIN = 'auth/approle/login';
export const CERT_LOGIN = 'auth/cert/login';
export const RENEW = 'auth/token/renew-self';
export const LOOKUP = 'auth/token/lookup-self';
export const REVOKE = 'auth/token/revoke-self';
export const USE = 'transit/encrypt/k';

/** For a login, a renewal or a question about the token; a number that no care for a token has. */
export const OWN_BUDGET_MS = 4987;

/** Seconds of the lease that the fake gives unless told otherwise. */
export const LEASE = 60;

/** A session on a fake OpenBao, on a clock that the test moves. */
export interface Stage extends AsyncDisposable {
  readonly fake: FakeOpenBao;
  readonly clock: ManualClock;
  readonly log: RecordedLog;
  readonly session: Session;
  /** What the file of the secret id holds; undefined when it cannot be read. */
  secretId: string | undefined;
  /** One use of the key. */
  use(signal?: AbortSignal): Promise<Answer>;
  /** How many requests a route has got. */
  count(path: string): number;
  /** Moves the clock to the care for the token that is due next. */
  careIsDue(): void;
  /** Resolves when no login, renewal or question about the token is under way. */
  settled(): Promise<void>;
}

const never = new AbortController().signal;

/** Opens it. Disposing closes the session and fails when a timer or a connection is left. */
export async function openSession(method: 'approle' | 'callCertificate' = 'approle'): Promise<Stage> {
  const fake = await startFakeOpenBao();
  fake.on('POST', LOGIN, tokenAnswer('t1', LEASE));
  fake.on('POST', CERT_LOGIN, tokenAnswer('t1', LEASE));
  fake.on('POST', RENEW, tokenAnswer('t1', LEASE));
  fake.on('POST', REVOKE, noContent);
  fake.on('GET', LOOKUP, json(200, { data: { ttl: 10 } }));
  fake.on('POST', USE, json(200, { data: {} }));
  const clock = new ManualClock();
  const log = recordLog();
  const limits = { maxConnectionsPerSession: 4, connectTimeoutMs: 1000, maxAnswerBytes: 100_000 };
  const read = (ref: { source: string }): Promise<Secret> => {
    if (ref.source === 'embedded') return Promise.resolve(new Secret(fake.caPem));
    if (stage.secretId !== undefined) return Promise.resolve(new Secret(stage.secretId));
    return Promise.reject(Object.assign(new Error('CANARY'), { reason: 'unreadable' }));
  };
  const target = {
    origins: [fake.address],
    ca: { source: 'embedded', value: new Secret('') },
    serverName: undefined,
    allowPrivateAddresses: true,
  } as const;
  const login =
    method === 'approle'
      ? createAppRole({
          mount: 'approle',
          roleId: 'role',
          secretId: { plain: { source: 'file', file: { path: '/x' } } },
          read,
        })
      : createCertificate({
          name: 'callCertificate',
          mount: 'cert',
          role: 'role',
          fingerprint: () => Promise.resolve('f'),
        });
  const session = new Session({
    cluster: createClusterSource({ target, limits, read }),
    namespace: 'team',
    method: login,
    refusals: new LoginGate(login.rest, clock),
    loginBudgetMs: OWN_BUDGET_MS,
    clock,
    log: log.log,
  });
  const stage: Stage = {
    fake,
    clock,
    log,
    session,
    secretId: 'secret-1',
    use: (signal = never) => session.send(useOf(signal)),
    count: (path) => fake.requests.filter((request) => request.path === path).length,
    careIsDue() {
      const [next] = clock.pending;
      if (next === undefined) throw new Error('nothing is due');
      clock.advance(next);
    },
    async settled() {
      await setImmediate();
      // The clock stands still meanwhile, so the budget of what is under way is seen whole.
      await until('the session is at rest', () => !clock.pending.includes(OWN_BUDGET_MS));
    },
    async [Symbol.asyncDispose]() {
      await session.close(never);
      expect(clock.pending).toEqual([]);
      await until('all connections are closed', () => fake.connections === 0);
      await fake[Symbol.asyncDispose]();
      expect(log.lines.join()).not.toMatch(/secret-\d|"t\d"|CANARY/);
    },
  };
  return stage;
}

function useOf(signal: AbortSignal): SessionRequest {
  return {
    purpose: 'any',
    verb: 'write',
    path: USE,
    body: {},
    context: { policyPath: USE, capability: 'update' },
    signal,
    deadline: Infinity,
  };
}

/** A session whose token t1 is at hand. */
export async function loggedIn(): Promise<Stage> {
  const stage = await openSession();
  await stage.use();
  return stage;
}

/** What a promise rejects with. */
export const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** An answer of OpenBao to a use that succeeds. */
export const USED = json(200, { data: {} });

/** Answers by the token that a request carries; any other token is dead. */
export function byToken(replies: Record<string, Reply>): Reply {
  return (response, request) => (replies[request.token ?? ''] ?? errors(403, TOKEN_IS_DEAD))(response, request);
}
