import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openbaoBinary } from './binary.ts';
import { createRequester, type Requester } from './request.ts';
import { openScratchFolder, type ScratchFolder } from '../scratch.ts';

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
const STOP_TIMEOUT_MS = 10_000;
const LOG_CHARACTERS = 256 * 1024;

/**
 * Starts a real OpenBao in dev mode and resolves when it serves. The caller stops it.
 *
 * @throws Error with the end of the server's log when it does not come up
 */
export async function startOpenBao(options: OpenBaoOptions = {}): Promise<OpenBaoServer> {
  const binary = await openbaoBinary(options.report);
  // The free port is looked up before OpenBao binds it, so somebody else may be quicker.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(binary, options);
    } catch (error) {
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function start(binary: string, { tls = true, configuration }: OpenBaoOptions): Promise<OpenBaoServer> {
  const scratch = await openScratchFolder(join(tmpdir(), 'openbao-'));
  const home = scratch.path;
  const port = await freePort();
  const address = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const rootToken = `root-${randomBytes(16).toString('hex')}`;
  const flags = ['-dev', `-dev-listen-address=127.0.0.1:${port}`, '-dev-no-store-token'];
  if (tls) flags.push('-dev-tls', `-dev-tls-cert-dir=${home}`);
  if (configuration !== undefined) {
    await writeFile(join(home, 'extra.hcl'), configuration);
    flags.push(`-config=${join(home, 'extra.hcl')}`);
  }
  // Its own process group: a Ctrl-C meant for us must not end it before we are done with it.
  const child = spawn(binary, ['server', ...flags], {
    cwd: home,
    env: { HOME: home, BAO_DEV_ROOT_TOKEN_ID: rootToken },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log = collectLog(child);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      reject(new Error(`OpenBao ended while starting (${signal ?? `code ${code}`}):\n${log.text()}`));
    });
  });
  failed.catch(() => undefined); // it ends one day; only while starting that is a failure
  if (child.pid !== undefined) scratch.endWithUs(child.pid);

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= end(child, ended, scratch));
  try {
    const caFile = join(home, 'vault-ca.pem');
    const caPem = await Promise.race([serving(address, tls ? caFile : undefined), failed]);
    const unsealKey = await Promise.race([log.unsealKey, failed]);
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
      pid: child.pid ?? 0,
      request,
      log: log.text,
      seal: () => demand('PUT', 'sys/seal'),
      unseal: async () => {
        await demand('PUT', 'sys/unseal', { key: unsealKey });
        await serving(address, tls ? caFile : undefined);
      },
      pause: () => void child.kill('SIGSTOP'),
      resume: () => void child.kill('SIGCONT'),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves with the authority's PEM once the server answers that it is initialised, unsealed and active. */
async function serving(address: string, caFile: string | undefined): Promise<string> {
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
  let last: unknown = 'no answer';
  while (!deadline.aborted) {
    try {
      // The TLS files appear a moment before the listener.
      const caPem = caFile === undefined ? '' : await readFile(caFile, 'utf8');
      const { status } = await createRequester({ address, caPem })('GET', 'sys/health');
      if (status === 200) return caPem;
      last = `status ${status}`;
    } catch (error) {
      last = error;
    }
    await delay(20);
  }
  throw new Error(`OpenBao did not serve within ${START_TIMEOUT_MS} ms: ${String(last)}`);
}

function collectLog(child: ChildProcess): { text: () => string; unsealKey: Promise<string> } {
  let kept = '';
  const key = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      kept = (kept + chunk).slice(-LOG_CHARACTERS);
      const found = /Unseal Key: (\S+)\n/.exec(kept)?.[1];
      if (found !== undefined) key.resolve(found);
    });
  }
  const text = (): string => kept.replace(/^((?:Unseal Key|Root Token): )\S+/gm, '$1[redacted]');
  return { text, unsealKey: key.promise };
}

async function end(child: ChildProcess, ended: Promise<void>, scratch: ScratchFolder): Promise<void> {
  child.kill('SIGCONT'); // a paused process takes no other signal
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(late);
  await scratch[Symbol.asyncDispose]();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
