import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { poll } from '../../../scripts/openbao/poll.ts';
import { type RaftCluster, type RaftNode, startRaftCluster } from '../../../scripts/openbao/raft-cluster.ts';
import { demand } from '../../../scripts/openbao/request.ts';
import { createKey, enableAppRole, leastPolicy, mountTransit, writePolicy } from '../../../scripts/openbao/setup.ts';
import type { Clock } from '../../../src/openbao/clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type LiveKeystore, openLiveKeystore } from '../live-keystore.ts';
import { file, KEY } from './process-identity.ts';

/** An OpenBao of one node that keeps its data over a restart, with a key and an AppRole. */
export interface SingleNode extends AsyncDisposable {
  readonly node: RaftNode;
  /** Kills it, starts it again, and resolves when it is active. */
  restart(): Promise<void>;
  open(clock?: Clock): LiveKeystore;
  /** All that OpenBao holds, tokens included. */
  takeSnapshot(): Promise<Buffer>;
  /** Resolves when OpenBao serves again. */
  restore(snapshot: Buffer): Promise<void>;
}

const SNAPSHOT = '/v1/sys/storage/raft/snapshot';
const RESTORE_LIMIT_MS = 30_000;

export async function startSingleNode(): Promise<SingleNode> {
  const folder = await temporaryFolder();
  const cluster = await startRaftCluster({ nodes: 1 });
  const [node] = cluster.nodes;
  if (node === undefined) throw new Error('the cluster has no node');
  await mountTransit(node);
  await createKey(node, { key: KEY });
  await writePolicy(node, 'plugin', leastPolicy({ key: KEY }));
  const { roleId, secretId } = await enableAppRole(node, { role: 'plugin', policies: ['plugin'], tokenTtl: '600s' });
  const secretIdFile = join(folder.path, 'secret-id');
  await writeFile(secretIdFile, secretId, { mode: 0o600 });
  const configuration = {
    openbao: { addresses: [node.address], ca: file(cluster.caFile) },
    auth: { method: 'approle', roleId, secretId: file(secretIdFile) },
  };
  const yaml = (): string => stringify(configuration);
  return {
    node,
    async restart() {
      await node.restart();
      await cluster.active();
    },
    open: (clock) => openLiveKeystore({ yaml, values: () => ({}) }, 'approle', clock === undefined ? {} : { clock }),
    takeSnapshot: () => transfer(cluster, node, 'GET'),
    async restore(snapshot) {
      await transfer(cluster, node, 'POST', snapshot);
      await poll('node that serves the snapshot', RESTORE_LIMIT_MS, () =>
        demand(node.request, 200, 'GET', `transit/keys/${KEY}`),
      );
    },
    async [Symbol.asyncDispose]() {
      await cluster.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A snapshot is no JSON. */
async function transfer(
  { caPem, rootToken }: RaftCluster,
  { address }: RaftNode,
  method: 'GET' | 'POST',
  body?: Buffer,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { 'X-Vault-Token': rootToken };
  request(new URL(SNAPSHOT, address), { method, ca: caPem, agent: false, headers }, resolve)
    .on('error', reject)
    .end(body);
  const response = await promise;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  if (![200, 204].includes(response.statusCode ?? 0)) throw new Error(`${method} snapshot: ${response.statusCode}`);
  return Buffer.concat(chunks);
}
