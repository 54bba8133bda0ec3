import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PLUGIN_PROTOCOL_VERSION, type PluginType } from '../../keystore-contract/plugin-types.ts';
import {
  certificatePemFromDer,
  createOneTimeCertificate,
  type OneTimeCertificate,
} from '../../plugin-protocol/certificate.ts';
import { buildPluginEnvironment } from '../../plugin-protocol/environment.ts';
import { parseHandshakeLine, type HandshakeLine } from '../../plugin-protocol/handshake.ts';
import { createHclogReader, type HclogEntry } from '../../plugin-protocol/hclog.ts';
import { builtBundle, builtPlugin } from './built-plugin.ts';
import { assertHclogLine } from './hclog-line.ts';
import { connectPlugin, type PluginConnection } from './plugin-connection.ts';

/** A file to start and its arguments. */
export type Program = readonly [file: string, ...args: string[]];

/** The bundle on this Node. With flags it can be made to fail, which the executable takes from nobody. */
export function bundle(...flags: string[]): Program {
  return [process.execPath, ...flags, builtBundle()];
}

export interface SpawnOptions {
  /** The built executable when not given. */
  readonly program?: Program;
  /** Laid over cookie, go-plugin's variables and `TMPDIR`, which are all there is; undefined takes one away. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly type?: PluginType;
  /** A descriptor to write to in place of a pipe that is read. */
  readonly stdout?: number;
  /** When it is killed at the latest, in milliseconds from its start; 90 s unless told otherwise. */
  readonly lifetimeMs?: number;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A plugin program that was started. */
export interface PluginProcess extends AsyncDisposable {
  readonly pid: number;
  /** Its working directory and temporary directory, made for it alone. */
  readonly folder: string;
  /** The host's certificate, which it got. */
  readonly own: OneTimeCertificate;
  /** Everything written so far. */
  readonly output: { readonly stdout: string; readonly stderr: string };
  /** What stderr has said so far, as a host reads it. */
  log(): HclogEntry[];
  /** The first entry that meets the condition, as soon as there is one. Rejects when the process ends without it. */
  logged(condition: (entry: HclogEntry) => boolean): Promise<HclogEntry>;
  /** The first line of stdout, without its end. Rejects when the process ends without one. */
  handshake(): Promise<string>;
  readonly ended: Promise<Ending>;
  kill(signal: NodeJS.Signals): void;
  /**
   * Ends it by SIGTERM if it still runs; disposing does the same. Rejects unless it ended by itself, all of stderr was log
   * lines, stdout had one line at most, and no file was left.
   */
  stop(): Promise<void>;
  /** Makes what the plugin writes to stderr fail. */
  closeStderr(): void;
}

/** A plugin that has announced itself, and a connection to it. */
export interface ServingPlugin extends PluginProcess, PluginConnection {
  readonly line: HandshakeLine;
  readonly socketPath: string;
  readonly certificatePem: string;
}

const OUTPUT_TIMEOUT_MS = 20_000;
/** No test needs a plugin for longer: one that hangs does not outlive its test by much. */
const LIFETIME_MS = 90_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts a plugin with exactly the environment of a host that has none of its own, up to its handshake line. */
export async function startPlugin(options: SpawnOptions = {}): Promise<ServingPlugin> {
  const plugin = await spawnPlugin(options);
  try {
    const line = parseHandshakeLine(await plugin.handshake());
    const certificatePem = certificatePemFromDer(line.certificateDer ?? Buffer.alloc(0));
    const connection = connectPlugin({ socketPath: line.address, certificatePem }, plugin.own);
    const stop = (): Promise<void> => {
      connection.disconnect();
      return plugin.stop();
    };
    const serving = { line, socketPath: line.address, certificatePem, stop, [Symbol.asyncDispose]: stop };
    return { ...plugin, ...connection, ...serving };
  } catch (error) {
    await plugin.stop().catch(() => undefined);
    throw error;
  }
}

/** Starts a plugin program and waits for nothing. */
export async function spawnPlugin(options: SpawnOptions = {}): Promise<PluginProcess> {
  const { program = [builtPlugin()], stdout = 'pipe' } = options;
  const [file, ...args] = program;
  const folder = await mkdtemp(join(tmpdir(), 'plugin-'));
  const own = createOneTimeCertificate();
  const env = pluginVariables(own, { TMPDIR: folder, ...options.variables }, options.type);
  const child = spawn(file, args, {
    cwd: folder,
    env,
    stdio: ['ignore', stdout, 'pipe'],
    timeout: options.lifetimeMs ?? LIFETIME_MS,
    killSignal: 'SIGKILL',
  });
  await once(child, 'spawn');

  const news = new EventEmitter();
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
    news.emit('more');
  });
  const { read } = createHclogReader();
  const entries: HclogEntry[] = [];
  let unfinished = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    entries.push(...lines.map(read));
    news.emit('more');
  });
  let isOver = false;
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      isOver = true;
      news.emit('more');
      resolve({ code, signal });
    });
  });
  async function waitFor<Value>(found: () => Value | undefined): Promise<Value> {
    const signal = AbortSignal.timeout(OUTPUT_TIMEOUT_MS);
    for (;;) {
      const value = found();
      if (value !== undefined) return value;
      if (isOver) throw new Error(`the plugin ended without it: ${output.stdout}${output.stderr}`);
      await once(news, 'more', { signal });
    }
  }
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= end());
  return {
    pid: child.pid!,
    folder,
    own,
    output,
    ended,
    log: () => [...entries],
    handshake: () => waitFor(() => (output.stdout.includes('\n') ? linesOf(output.stdout)[0] : undefined)),
    logged: (condition) => waitFor(() => entries.find(condition)),
    kill: (signal) => child.kill(signal),
    closeStderr: () => child.stderr!.destroy(),
    stop,
    [Symbol.asyncDispose]: stop,
  };

  async function end(): Promise<void> {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const { signal } = await ended;
    clearTimeout(timer);
    const left = await readdir(folder);
    await rm(folder, { recursive: true });
    if (signal !== null) throw new Error(`the plugin was ended by ${signal}: ${output.stderr}`);
    if (left.length > 0) throw new Error(`the plugin left ${left.join(', ')}`);
    if (!/^(?:[^\n]*\n)?$/.test(output.stdout)) throw new Error(`more than one line on stdout: ${output.stdout}`);
    for (const line of linesOf(output.stderr)) assertHclogLine(line);
  }
}

/** What a go-plugin host without an environment of its own gives to a plugin; undefined takes a variable away. */
export function pluginVariables(
  own: OneTimeCertificate,
  changes: Readonly<Record<string, string | undefined>>,
  type: PluginType = 'KeystoreInstanceKeyOperation',
): Record<string, string> {
  const variables = buildPluginEnvironment({
    cookieKey: type,
    cookieValue: type,
    protocolVersions: [PLUGIN_PROTOCOL_VERSION],
    clientCertificatePem: own.certificatePem,
  });
  const all = Object.entries({ ...variables, ...changes });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
