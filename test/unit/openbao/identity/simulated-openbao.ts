import { KeystoreError } from '../../../../src/keystore/errors.ts';
import type { Answer } from '../../../../src/openbao/answer.ts';
import type { OpenBaoRequest } from '../../../../src/openbao/client.ts';
import type { Clock } from '../../../../src/openbao/clock.ts';
import type { Cluster } from '../../../../src/openbao/cluster.ts';
import type { ClusterSource } from '../../../../src/openbao/cluster-source.ts';
import { LOOKUP, RENEW, REVOKE, USE } from '../session-fixture.ts';
import { createRoleLock, type RoleLock } from './role-lock.ts';
import type { Random } from './random.ts';
import { refusal, WEATHER, type WeatherName } from './weather.ts';

/** How the server answers renewals. */
export type RenewalMood = 'granting' | 'empty' | 'shrinking' | 'not renewable' | 'past the maximum' | 'role is gone';

/** What the role's policy lacks: nothing; tokens issued meanwhile stay without it; or it denies whoever comes. */
export type PolicyState = 'granted' | 'missing on the role' | 'denied';

/**
 * An OpenBao in memory, on a clock that the test moves: one AppRole, its tokens and one use of a key. It answers as the
 * real one was seen to do.
 */
export interface SimulatedOpenBao {
  /** Its own connections for one session. */
  connect(): ClusterSource;
  weather: WeatherName;
  renewals: RenewalMood;
  policy: PolicyState;
  /** The secret ids that are good. */
  readonly secretIds: Set<string>;
  readonly lock: RoleLock;
  /** In place of a login, whatever it brings. */
  loginRefusal: Answer | undefined;
  /** When each login request that reached the server came. */
  readonly loginRequests: readonly number[];
  /** Each login that was carried out. */
  readonly issued: readonly { readonly at: number; readonly weather: WeatherName }[];
  /** Requests that have not been answered or given up. */
  readonly underWay: number;
  revokeAll(): void;
}

interface Issued {
  readonly bornAt: number;
  readonly hasPolicy: boolean;
  endsAt: number;
}

export const TTL_MS = 3_600_000;
export const MAX_TTL_MS = 4 * TTL_MS;

const TOKEN_IS_DEAD = refusal(403, 'permission denied');
const DENIED_BY_POLICY = refusal(403, '1 error occurred:\n\t* permission denied\n\n');
const WRONG = refusal(400, 'invalid role or secret ID');

const RENEWAL_REFUSALS: Readonly<Partial<Record<RenewalMood, Answer>>> = {
  empty: { status: 204, body: undefined, foreignBody: false },
  'not renewable': refusal(400, 'lease is not renewable'),
  'past the maximum': refusal(500, 'past the max TTL, cannot renew'),
  'role is gone': refusal(500, 'failed to renew entry: role r does not exist during renewal'),
};

export function simulateOpenBao(clock: Clock, random: Random): SimulatedOpenBao {
  const tokens = new Map<string, Issued>();
  const loginRequests: number[] = [];
  const issued: { at: number; weather: WeatherName }[] = [];
  const underWay = new Set<Promise<Answer>>();

  const alive = (token: string | undefined): Issued | undefined => {
    const found = tokens.get(token ?? '');
    return found !== undefined && found.endsAt > clock.now() ? found : undefined;
  };
  const lease = (client_token: string, { endsAt }: Issued): Answer =>
    success({
      auth: { client_token, renewable: true, lease_duration: Math.floor((endsAt - clock.now()) / 1000) },
    });

  function logIn({ body }: OpenBaoRequest): Answer {
    loginRequests.push(clock.now());
    if (server.loginRefusal !== undefined) return server.loginRefusal;
    if (server.lock.isShut()) return refusal(403, 'permission denied');
    const { secret_id: secretId } = (body ?? {}) as { secret_id?: string };
    if (!server.secretIds.has(secretId ?? '')) {
      server.lock.failed();
      return WRONG;
    }
    server.lock.succeeded();
    issued.push({ at: clock.now(), weather: server.weather });
    const token = `s.simulated-${issued.length}`;
    const hasPolicy = server.policy !== 'missing on the role';
    tokens.set(token, { bornAt: clock.now(), endsAt: clock.now() + TTL_MS, hasPolicy });
    return lease(token, tokens.get(token)!);
  }

  function renew(token: string, life: Issued): Answer {
    const refused = RENEWAL_REFUSALS[server.renewals];
    if (refused !== undefined) return refused;
    const now = clock.now();
    const left = life.endsAt - now;
    life.endsAt = server.renewals === 'shrinking' ? now + left * 0.7 : Math.min(now + TTL_MS, life.bornAt + MAX_TTL_MS);
    return lease(token, life);
  }

  const routes: Readonly<Record<string, (token: string, life: Issued) => Answer>> = {
    [RENEW]: renew,
    [LOOKUP]: (_token, { endsAt }) => success({ data: { ttl: Math.floor((endsAt - clock.now()) / 1000) } }),
    [REVOKE](token) {
      tokens.delete(token);
      return { status: 204, body: undefined, foreignBody: false };
    },
    [USE]: (_token, { hasPolicy }) =>
      hasPolicy && server.policy !== 'denied' ? success({ data: {} }) : DENIED_BY_POLICY,
  };

  function carryOut(request: OpenBaoRequest): Answer {
    const { path, token = '' } = request;
    if (path.endsWith('/login')) return logIn(request);
    const life = alive(token);
    return life === undefined ? TOKEN_IS_DEAD : routes[path]!(token, life);
  }

  function send(request: OpenBaoRequest): Promise<Answer> {
    const { signal } = request;
    signal.throwIfAborted();
    const { afterMs, answer } = WEATHER[server.weather](() => carryOut(request), random);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const hear = (): void => {
      if (answer === undefined) reject(new KeystoreError('unreachable', 'OpenBao cannot be reached'));
      else resolve(answer);
    };
    const cancel = Number.isFinite(afterMs) ? clock.schedule(afterMs, hear) : () => undefined;
    const giveUp = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const heard = promise.finally(() => {
      underWay.delete(heard);
      signal.removeEventListener('abort', giveUp);
    });
    underWay.add(heard);
    return heard;
  }

  const cluster: Cluster = {
    origins: ['https://simulated.example.com'],
    send: async (_purpose, request) => send(request),
    sendTo: async (_origin, request) => send(request),
    findActive: () => Promise.resolve('https://simulated.example.com'),
    close: () => Promise.resolve(),
  };
  const server: SimulatedOpenBao = {
    // Like the connections of a real one, which let running requests end.
    connect: () => ({
      refresh: () => Promise.resolve(cluster),
      close: () => Promise.allSettled(underWay).then(() => undefined),
    }),
    weather: 'clear',
    renewals: 'granting',
    policy: 'granted',
    secretIds: new Set(),
    lock: createRoleLock(clock),
    loginRefusal: undefined,
    loginRequests,
    issued,
    get underWay() {
      return underWay.size;
    },
    revokeAll: () => {
      tokens.clear();
    },
  };
  return server;
}

function success(body: Readonly<Record<string, unknown>>): Answer {
  return { status: 200, body, foreignBody: false };
}
