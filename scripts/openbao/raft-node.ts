import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { poll } from './poll.ts';
import { spawnOpenBao, type OpenBaoProcess } from './process.ts';
import { createRequester } from './request.ts';
import type { ScratchFolder } from '../scratch.ts';

/** What the nodes of one cluster share. */
export interface RaftFiles {
  readonly binary: string;
  /** Holds everything below; goes with the cluster. */
  readonly folder: ScratchFolder;
  readonly caPem: string;
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Base64 of the 32 bytes with which the nodes unseal themselves. */
  readonly sealFile: string;
}

/** Where a node listens, on loopback. */
export interface RaftPlace {
  readonly id: string;
  readonly address: string;
  readonly clusterAddress: string;
}

/** A node's process, which can end and start again on the node's data. */
export interface RaftMember extends RaftPlace {
  /** Of the present process; changes with {@link RaftMember.restart}. */
  readonly pid: number;
  /** The newest part of the present process's log. */
  log(): string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Freezes the process: connections open and are never answered. */
  pause(): void;
  resume(): void;
  /** Kills the process if it is still there, starts it again, and resolves when it serves, active or as a standby. */
  restart(): Promise<void>;
}

/** A member as its cluster holds it. */
export interface OwnedMember extends RaftMember {
  /** Rejects when the first process ends; to be raced with while the cluster starts. */
  readonly failed: Promise<never>;
  /** Ends the process for good, without ado: nobody reads its data any more. */
  stop(): Promise<void>;
}

/** The status with which `sys/health` tells that a node serves: active, or as a standby. */
const SERVING_STATUS: readonly number[] = [200, 429];
const RESTART_LIMIT_MS = 30_000;

/** Starts the process of one node; the cluster is neither initialised nor joined when this resolves. */
export async function startMember(
  place: RaftPlace,
  options: { files: RaftFiles; peers: readonly RaftPlace[]; configuration: string },
): Promise<OwnedMember> {
  const { files, peers, configuration } = options;
  const data = join(files.folder.path, place.id);
  const configurationFile = `${data}.hcl`;
  await mkdir(data);
  await writeFile(configurationFile, nodeConfiguration({ place, peers, data, files }) + configuration);

  const health = createRequester({ address: place.address, caPem: files.caPem });
  const spawn = (): OpenBaoProcess =>
    spawnOpenBao(files.binary, { folder: files.folder, flags: [`-config=${configurationFile}`] });
  let current = spawn();
  let stopped = false;
  return {
    ...place,
    failed: current.failed,
    get pid() {
      return current.pid;
    },
    log: () => current.log(),
    kill: () => current.kill(),
    pause: () => current.pause(),
    resume: () => current.resume(),
    async restart() {
      await current.kill();
      if (stopped) throw new Error('OpenBao: the cluster was stopped');
      current = spawn();
      const ask = async (): Promise<void> => {
        const { status } = await health('GET', 'sys/health');
        if (!SERVING_STATUS.includes(status)) throw new Error(`status ${status}`);
      };
      await poll(`answer of ${place.id} that it serves`, RESTART_LIMIT_MS, ask, current.failed);
    },
    async stop() {
      stopped = true;
      await current.kill();
    },
  };
}

function nodeConfiguration(options: {
  place: RaftPlace;
  peers: readonly RaftPlace[];
  data: string;
  files: RaftFiles;
}): string {
  const { place, peers, data, files } = options;
  const joins = peers.map(
    ({ address }) => `
  retry_join {
    leader_api_addr     = "${address}"
    leader_ca_cert_file = "${files.caFile}"
  }`,
  );
  return `
storage "raft" {
  path                         = "${data}"
  node_id                      = "${place.id}"
  performance_multiplier       = 1
  autopilot_update_interval    = "200ms"
  autopilot_reconcile_interval = "500ms"${joins.join('')}
}
listener "tcp" {
  address         = "${new URL(place.address).host}"
  cluster_address = "${new URL(place.clusterAddress).host}"
  tls_cert_file   = "${files.certificateFile}"
  tls_key_file    = "${files.keyFile}"
}
api_addr     = "${place.address}"
cluster_addr = "${place.clusterAddress}"
seal "static" {
  current_key_id = "k1"
  current_key    = "file://${files.sealFile}"
}
`;
}
