import { randomBytes } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openbaoBinary } from './binary.ts';
import { poll } from './poll.ts';
import { freePorts, withFreshPorts } from './ports.ts';
import { bringUp } from './raft-start.ts';
import { startMember, type OwnedMember, type RaftFiles, type RaftMember, type RaftPlace } from './raft-node.ts';
import { createRequester, demand, type Requester } from './request.ts';
import { startOpenBao } from './server.ts';
import { openScratchFolder, type ScratchFolder } from '../scratch.ts';

/** How a cluster is started. */
export interface RaftClusterOptions {
  /** Three by default. */
  readonly nodes?: number;
  /** HCL added to the configuration of the node with this number, from 0: audit devices, limits, standby reads. */
  readonly configuration?: (node: number) => string;
  /** Receives a line for each step that takes time: fetching, unpacking. */
  readonly report?: (text: string) => void;
}

/** A node of a running cluster. */
export interface RaftNode extends RaftMember {
  /** One HTTP request to this very node with the root token unless `options` names another; any status is an answer. */
  readonly request: Requester;
}

/** A running cluster of our own: OpenBao with raft storage, on loopback ports with TLS, gone when this process is gone. */
export interface RaftCluster {
  readonly nodes: readonly RaftNode[];
  /** The authority that signed the certificate of all nodes. */
  readonly caPem: string;
  /** A file with {@link RaftCluster.caPem}. */
  readonly caFile: string;
  readonly rootToken: string;
  /** The active node; waits up to 60 s for one. A leader that was frozen and is thawed holds itself active for a moment. */
  active(): Promise<RaftNode>;
  /**
   * Makes the active node give up, and resolves with the next active node, possibly the same, once that serves. Takes half
   * a second, and up to 10 s when raft chooses a node that gave up less than 10 s ago: until then it is not active.
   */
  stepDown(): Promise<RaftNode>;
  /** Ends all processes and removes their files; further calls return the same promise. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const ELECTION_LIMIT_MS = 60_000;
/** A node that is frozen answers nothing. */
const HEALTH_LIMIT_MS = 1000;
const LOG_TAIL_CHARACTERS = 2000;

/**
 * Starts a cluster and resolves when every node is a voter and serves. The caller stops it.
 *
 * @throws Error with the ends of the logs when it does not come up; nothing is left running then
 */
export async function startRaftCluster(options: RaftClusterOptions = {}): Promise<RaftCluster> {
  const binary = await openbaoBinary(options.report);
  return withFreshPorts(() => start(binary, options));
}

async function start(binary: string, { nodes = 3, configuration }: RaftClusterOptions): Promise<RaftCluster> {
  const folder = await openScratchFolder(join(tmpdir(), 'openbao-raft-'));
  const members: OwnedMember[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.stop()));
    await folder[Symbol.asyncDispose]();
  };
  try {
    const files = await writeFiles(binary, folder);
    const places = await findPlaces(nodes);
    for (const [index, place] of places.entries()) {
      const peers = places.filter((other) => other !== place);
      members.push(await startMember(place, { files, peers, configuration: configuration?.(index) ?? '' }));
    }
    const rootToken = await bringUp(members, files.caPem);
    return createCluster({ members, files, rootToken, stop });
  } catch (error) {
    const told = withLogs(error, members);
    await stop();
    throw told;
  }
}

/** The error with the ends of the logs. */
function withLogs(error: unknown, members: readonly OwnedMember[]): Error {
  const logs = members.map((member) => `${member.id}: …${member.log().slice(-LOG_TAIL_CHARACTERS)}`);
  return new Error([String(error), ...logs].join('\n'), { cause: error });
}

/** The certificate is one that OpenBao makes for itself in dev mode, for `127.0.0.1`. */
async function writeFiles(binary: string, folder: ScratchFolder): Promise<RaftFiles> {
  const place = (name: string): string => join(folder.path, name);
  const caFile = place('ca.pem');
  const certificateFile = place('server.pem');
  const keyFile = place('server.key');
  const sealFile = place('seal.key');
  await using dev = await startOpenBao();
  const made = dirname(dev.caFile);
  await copyFile(dev.caFile, caFile);
  await copyFile(join(made, 'vault-cert.pem'), certificateFile);
  await copyFile(join(made, 'vault-key.pem'), keyFile);
  await writeFile(sealFile, randomBytes(32).toString('base64'), { mode: 0o600 });
  return { binary, folder, caPem: dev.caPem, caFile, certificateFile, keyFile, sealFile };
}

async function findPlaces(nodes: number): Promise<RaftPlace[]> {
  const ports = await freePorts(2 * nodes);
  const at = (index: number): string => `https://127.0.0.1:${ports[index] ?? 0}`;
  return Array.from({ length: nodes }, (_, index) => ({
    id: `n${index}`,
    address: at(2 * index),
    clusterAddress: at(2 * index + 1),
  }));
}

function createCluster(options: {
  members: readonly OwnedMember[];
  files: RaftFiles;
  rootToken: string;
  stop: () => Promise<void>;
}): RaftCluster {
  const { members, files, rootToken } = options;
  const { caPem, caFile } = files;
  const nodes = members.map((member): RaftNode => {
    const request = createRequester({ address: member.address, caPem, token: rootToken });
    return Object.assign(member, { request });
  });

  const active = (): Promise<RaftNode> =>
    poll('active node', ELECTION_LIMIT_MS, () => {
      const limit = { timeoutMs: HEALTH_LIMIT_MS };
      const asked = nodes.map(async (node) => {
        await demand(node.request, 200, 'GET', 'sys/health', undefined, limit);
        return node;
      });
      return Promise.any(asked);
    }).catch((error: unknown) => {
      throw withLogs(error, members);
    });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= options.stop());
  return {
    nodes,
    caPem,
    caFile,
    rootToken,
    active,
    async stepDown() {
      const former = await reignOf(await active());
      await demand(former.node.request, 204, 'PUT', 'sys/step-down');
      return poll('active node after the step-down', ELECTION_LIMIT_MS, async () => {
        const { node, since } = await reignOf(await active());
        // The former leader holds itself active for a moment longer; its next reign would begin at another time.
        if (node === former.node && since === former.since) throw new Error('the step-down is still to come');
        await demand(node.request, 200, 'GET', 'auth/token/lookup-self');
        return node;
      });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Since when a node is active, in its own words. */
async function reignOf(node: RaftNode): Promise<{ node: RaftNode; since: string }> {
  const answer = await demand(node.request, 200, 'GET', 'sys/leader');
  const { is_self: isActive, active_time: since } = answer.body as { is_self: boolean; active_time: string };
  if (!isActive) throw new Error(`${node.id} is no longer active`);
  return { node, since };
}
