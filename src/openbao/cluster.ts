import type { Answer } from './answer.ts';
import { createOpenBaoClient, type OpenBaoClient, type OpenBaoRequest } from './client.ts';
import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import { toKeystoreError } from './errors.ts';
import type { Transport } from './transport.ts';
import { waitFor } from './waiting.ts';

/**
 * Which node a request needs. `active`: logins, renewals, changes, and reads right after a change. `any` is served by the
 * active node too as long as there is one. With one address, or a load balancer, there is nothing to choose and OpenBao
 * forwards.
 */
export type Purpose = 'any' | 'active';

/** The servers of one cluster under one TLS identity. */
export interface Cluster {
  readonly origins: readonly string[];
  /**
   * Sends to the active server where it is known, else to the one in favour; see {@link OpenBaoClient.send}. A server that
   * fails falls out of favour.
   */
  send(purpose: Purpose, request: OpenBaoRequest): Promise<Answer>;
  /** Sends to one server, whatever its standing. */
  sendTo(origin: string, request: OpenBaoRequest): Promise<Answer>;
  /** Asks every server; the origin of the one that says it is active, or undefined. */
  findActive(signal: AbortSignal): Promise<string | undefined>;
  close(): Promise<void>;
}

// A deadline that passes inside a request is a node that hangs.
const FALLS_OUT_OF_FAVOUR: ReadonlySet<KeystoreErrorClass> = new Set([
  'unreachable',
  'tls-failure',
  'no-active-node',
  'sealed',
  'deadline-exceeded',
]);

/** The cluster owns the transports that `open` makes. */
export function createCluster(origins: readonly string[], open: (origin: string) => Transport): Cluster {
  const clients = new Map<string, OpenBaoClient>();
  let favourite = 0;
  let active: string | undefined;
  let looking: Promise<string | undefined> | undefined;
  let lookedInVainAt = -Infinity;

  const clientOf = (origin: string): OpenBaoClient => {
    let client = clients.get(origin);
    if (client === undefined) {
      client = createOpenBaoClient(origin, open(origin));
      clients.set(origin, client);
    }
    return client;
  };
  const fallOutOfFavour = (origin: string): void => {
    if (active === origin) active = undefined;
    if (origins[favourite] === origin) favourite = (favourite + 1) % origins.length;
  };
  const saysActive = async (origin: string): Promise<boolean> => {
    const signal = AbortSignal.timeout(LOOK_MS);
    const answer = await clientOf(origin).send({ verb: 'read', path: HEALTH, namespace: '', signal });
    return answer.status === 200 && answer.body?.standby === false;
  };
  // The first that says so will do: one that hangs must not hold up the others.
  const look = async (): Promise<string | undefined> => {
    const answers = origins.map(async (origin) => ((await saysActive(origin)) ? origin : Promise.reject(NOT_IT)));
    active = await Promise.any(answers).catch(() => undefined);
    lookedInVainAt = active === undefined ? performance.now() : -Infinity;
    return active;
  };
  const findActive = (signal: AbortSignal): Promise<string | undefined> => {
    looking ??= look().finally(() => (looking = undefined));
    return waitFor(looking, signal);
  };
  // A standby knows changes late, so the active node serves whatever it can. Where none says that it is active any other
  // will do: it serves what it can and passes on the rest.
  const originFor = async (purpose: Purpose, signal: AbortSignal): Promise<string | undefined> => {
    const inVain = purpose === 'any' && performance.now() - lookedInVainAt < IN_VAIN_MS;
    const known = origins.length < 2 || inVain ? undefined : (active ?? (await findActive(signal)));
    return known ?? origins[favourite];
  };

  return {
    origins,
    findActive,
    async send(purpose, request) {
      const origin = await originFor(purpose, request.signal);
      if (origin === undefined) throw new KeystoreError('unreachable', 'no OpenBao address is configured');
      try {
        const answer = await clientOf(origin).send(request);
        if (isServerFault(answer) && FALLS_OUT_OF_FAVOUR.has(toKeystoreError(answer).class)) fallOutOfFavour(origin);
        return answer;
      } catch (error) {
        if (error instanceof KeystoreError && FALLS_OUT_OF_FAVOUR.has(error.class)) fallOutOfFavour(origin);
        throw error;
      }
    },
    async sendTo(origin, request) {
      return clientOf(origin).send(request);
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

const HEALTH = 'sys/health';
/** How long a server may take to say what it is, in milliseconds. */
const LOOK_MS = 1000;
/** How long what any node can serve is not held up by another look, when none was active, in milliseconds. */
const IN_VAIN_MS = 500;
const NOT_IT = new Error('not the active node');

function isServerFault({ status }: Answer): boolean {
  return (status >= 300 && status < 400) || status >= 470;
}
