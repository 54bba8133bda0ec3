import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openbaoBinary } from './binary.ts';
import { poll } from './poll.ts';
import { freePorts, withFreshPorts } from './ports.ts';
import { spawnOpenBao } from './process.ts';
import { createRequester, type Requester } from './request.ts';
import { openScratchFolder } from '../scratch.ts';

/** How a server is started. */
export interface OpenBaoOptions {
  /** Serve TLS with a certificate authority of its own; true by default. */
  readonly tls?: boolean;
  /** HCL added to the dev server's configuration: audit devices, listeners, limits. */
  readonly configuration?: string;
  /** Receives a line for each step that takes time: fetching, unpacking. */
  readonly report?: (text: string) => void;
}

/** A running OpenBao of our own: in memory, unsealed, on a loopback port, gone when this process is gone. */
export interface OpenBaoServer {
  /** `https://127.0.0.1:PORT`, or `http:` without TLS. */
  readonly address: string;
  /** The authority that signed the server's certificate; empty without TLS. */
  readonly caPem: string;
  /** A file with {@link OpenBaoServer.caPem}. */
  readonly caFile: string;
  readonly rootToken: string;
  readonly pid: number;
  /** One HTTP request with the root token unless `options` names another; any status is an answer. */
  readonly request: Requester;
  /** The newest part of the server's own log, without its token and unseal key. */
  log(): string;
  seal(): Promise<void>;
  unseal(): Promise<void>;
  /** Freezes the process: connections open and are never answered. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes its files; further calls return the same promise. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

/**
 * Starts a real OpenBao in dev mode and resolves when it serves. The caller stops it.
 *
 * @throws Error with the end of the server's log when it does not come up
 */
export async function startOpenBao(options: OpenBaoOptions = {}): Promise<OpenBaoServer> {
  const binary = await openbaoBinary(options.report);
  return withFreshPorts(() => start(binary, options));
}

async function start(binary: string, { tls = true, configuration }: OpenBaoOptions): Promise<OpenBaoServer> {
  const folder = await openScratchFolder(join(tmpdir(), 'openbao-'));
  const home = folder.path;
  const [port = 0] = await freePorts(1);
  const address = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const rootToken = `root-${randomBytes(16).toString('hex')}`;
  const flags = ['-dev', `-dev-listen-address=127.0.0.1:${port}`, '-dev-no-store-token'];
  if (tls) flags.push('-dev-tls', `-dev-tls-cert-dir=${home}`);
  if (configuration !== undefined) {
    await writeFile(join(home, 'extra.hcl'), configuration);
    flags.push(`-config=${join(home, 'extra.hcl')}`);
  }
  const server = spawnOpenBao(binary, { folder, flags, environment: { BAO_DEV_ROOT_TOKEN_ID: rootToken } });

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= server.stop().then(() => folder[Symbol.asyncDispose]()));
  try {
    const caFile = join(home, 'vault-ca.pem');
    const serving = (): Promise<string> => waitUntilActive(address, tls ? caFile : undefined, server.failed);
    const caPem = await serving();
    const unsealKey = await Promise.race([server.logged(/Unseal Key: (\S+)\n/), server.failed]);
    const request = createRequester({ address, caPem, token: rootToken });
    const demand = async (method: string, path: string, body?: object): Promise<void> => {
      const answer = await request(method, path, body);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    };
    return {
      address,
      caPem,
      caFile,
      rootToken,
      pid: server.pid,
      request,
      log: server.log,
      seal: () => demand('PUT', 'sys/seal'),
      unseal: async () => {
        await demand('PUT', 'sys/unseal', { key: unsealKey });
        await serving();
      },
      pause: server.pause,
      resume: server.resume,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves with the authority's PEM once the server answers that it is initialised, unsealed and active. */
async function waitUntilActive(address: string, caFile: string | undefined, failed: Promise<never>): Promise<string> {
  const ask = async (): Promise<string> => {
    // The TLS files appear a moment before the listener.
    const caPem = caFile === undefined ? '' : await readFile(caFile, 'utf8');
    const { status } = await createRequester({ address, caPem })('GET', 'sys/health');
    if (status !== 200) throw new Error(`status ${status}`);
    return caPem;
  };
  return poll('server that is active', START_TIMEOUT_MS, ask, failed);
}
