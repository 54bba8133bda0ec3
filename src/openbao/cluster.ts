import type { Answer } from './answer.ts';
import { createOpenBaoClient, type OpenBaoClient, type OpenBaoRequest } from './client.ts';
import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import type { Transport } from './transport.ts';

/**
 * Which node a request needs. `active`: logins, renewals, changes, and reads right after a change. With one address, or
 * a load balancer, there is nothing to choose and OpenBao forwards.
 */
export type Purpose = 'any' | 'active';

/** The servers of one cluster under one TLS identity. */
export interface Cluster {
  readonly origins: readonly string[];
  /** Sends to the server in favour; see {@link OpenBaoClient.send}. A server that fails falls out of favour. */
  send(purpose: Purpose, request: OpenBaoRequest): Promise<Answer>;
  /** Sends to one server, whatever its standing. */
  sendTo(origin: string, request: OpenBaoRequest): Promise<Answer>;
  close(): Promise<void>;
}

const FALLS_OUT_OF_FAVOUR: ReadonlySet<KeystoreErrorClass> = new Set(['unreachable', 'tls-failure']);
const UNSERVICEABLE_STATUS: ReadonlySet<number> = new Set([502, 503, 504]);

/** The cluster owns the transports that `open` makes. */
export function createCluster(origins: readonly string[], open: (origin: string) => Transport): Cluster {
  const clients = new Map<string, OpenBaoClient>();
  let favourite = 0;

  const clientOf = (origin: string): OpenBaoClient => {
    let client = clients.get(origin);
    if (client === undefined) {
      client = createOpenBaoClient(origin, open(origin));
      clients.set(origin, client);
    }
    return client;
  };
  const moveOn = (from: number): void => {
    if (favourite === from) favourite = (from + 1) % origins.length;
  };

  return {
    origins,
    async send(_purpose, request) {
      const index = favourite;
      const origin = origins[index];
      if (origin === undefined) throw new KeystoreError('unreachable', 'no OpenBao address is configured');
      try {
        const answer = await clientOf(origin).send(request);
        if (UNSERVICEABLE_STATUS.has(answer.status)) moveOn(index);
        return answer;
      } catch (error) {
        if (error instanceof KeystoreError && FALLS_OUT_OF_FAVOUR.has(error.class)) moveOn(index);
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
