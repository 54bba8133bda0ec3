import type { Answer } from './answer.ts';
import { createOpenBaoClient, type OpenBaoClient, type OpenBaoRequest } from './client.ts';
import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import { toKeystoreError } from './errors.ts';
import type { Transport } from './transport.ts';

/**
 * Which node a request needs. `active`: logins, renewals, changes, and reads right after a change. With one address, or
 * a load balancer, there is nothing to choose and OpenBao forwards.
 */
export type Purpose = 'any' | 'active';

/** The servers of one cluster under one TLS identity. */
export interface Cluster {
  readonly origins: readonly string[];
  /**
   * Sends to the server in favour, or to the active one where that is wanted and known; see {@link OpenBaoClient.send}. A
   * server that fails falls out of favour.
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
  const saysActive = async (origin: string, signal: AbortSignal): Promise<boolean> => {
    try {
      const answer = await clientOf(origin).send({ verb: 'read', path: HEALTH, namespace: '', signal });
      return answer.status === 200 && answer.body?.standby === false;
    } catch (error) {
      if (signal.aborted || !(error instanceof KeystoreError)) throw error;
      return false;
    }
  };
  const findActive = async (signal: AbortSignal): Promise<string | undefined> => {
    const answers = await Promise.all(origins.map((origin) => saysActive(origin, signal)));
    return (active = origins[answers.indexOf(true)]);
  };
  // A server that is not the active one forwards; so where none says that it is, any will do.
  const originFor = async (purpose: Purpose, signal: AbortSignal): Promise<string | undefined> => {
    const known = purpose === 'any' || origins.length < 2 ? undefined : (active ?? (await findActive(signal)));
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

function isServerFault({ status }: Answer): boolean {
  return (status >= 300 && status < 400) || status >= 470;
}
