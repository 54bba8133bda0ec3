import type { SourceRef } from '../config/source-ref.ts';
import { KeystoreError } from '../keystore/errors.ts';
import { createCluster, type Cluster } from './cluster.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { type ReadValue, whyUnreadable } from './auth/read-value.ts';
import type { ClusterTarget } from './target.ts';
import { createTransport, type FindAddresses } from './transport.ts';

/** Hands out the cluster of a session; `refresh` reads the trusted authorities and the own certificate anew. */
export interface ClusterSource {
  refresh(): Promise<Cluster>;
  close(): Promise<void>;
}

/** What all connections of a configuration have in common. */
export interface ConnectionLimits {
  readonly maxConnectionsPerSession: number;
  readonly connectTimeoutMs: number;
  readonly maxAnswerBytes: number;
}

/**
 * Opens the cluster of a target under one TLS identity. The trusted authorities and the own certificate are read anew at each
 * `refresh`: when one has changed, new connections take over and the old ones end after their running requests.
 */
export function createClusterSource(options: {
  readonly target: ClusterTarget;
  readonly certificate?: () => Promise<ClientCertificate>;
  readonly limits: ConnectionLimits;
  readonly read: ReadValue;
  readonly findAddresses?: FindAddresses;
}): ClusterSource {
  const { target, certificate, findAddresses, limits, read } = options;
  let open:
    { readonly cluster: Cluster; readonly ca: string | undefined; readonly own: string | undefined } | undefined;
  const retired = new Set<Promise<void>>();

  const retire = (cluster: Cluster): void => {
    const closing = cluster.close().finally(() => retired.delete(closing));
    retired.add(closing);
  };

  return {
    async refresh() {
      const ca = target.ca === undefined ? undefined : await readAuthorities(read, target.ca);
      const own = await certificate?.();
      if (open !== undefined && open.ca === ca && open.own === own?.fingerprint) return open.cluster;
      const previous = open;
      const cluster = createCluster(target.origins, (origin) =>
        createTransport({
          origin,
          allowPrivateAddresses: target.allowPrivateAddresses,
          maxConnections: limits.maxConnectionsPerSession,
          connectTimeoutMs: limits.connectTimeoutMs,
          maxAnswerBytes: limits.maxAnswerBytes,
          ...(findAddresses && { findAddresses }),
          ...(ca === undefined ? {} : { ca }),
          ...(target.serverName === undefined ? {} : { serverName: target.serverName }),
          ...(own === undefined ? {} : { clientCertificate: own }),
        }),
      );
      open = { cluster, ca, own: own?.fingerprint };
      if (previous !== undefined) retire(previous.cluster);
      return cluster;
    },
    async close() {
      await open?.cluster.close();
      await Promise.all(retired);
    },
  };
}

async function readAuthorities(read: ReadValue, ref: SourceRef): Promise<string> {
  try {
    return (await read(ref)).reveal();
  } catch (error) {
    const details = { ...whyUnreadable(error), cause: 'CA_UNREADABLE' };
    throw new KeystoreError('tls-failure', 'the trusted authorities cannot be read', details);
  }
}
