import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type HostLogger,
  type PluginHandle,
  type PluginHost,
  type PluginHostError,
  type PluginOptions,
  type PluginState,
  startPluginHost,
} from '../../../plugin-host/index.ts';
import { installPlugin } from '../../fixtures/plugins/install-plugin.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';

export interface LogEntry {
  level: string;
  message: string;
  plugin?: unknown;
  [field: string]: unknown;
}

export function recordLog(entries: LogEntry[], inherited: object = {}): HostLogger {
  const at = (level: string) => (fields: object, message: string) => {
    entries.push({ ...inherited, ...fields, level, message });
  };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => recordLog(entries, { ...inherited, ...fields }),
  };
}

type Contract = typeof testContract;
export type LoadOptions = Partial<PluginOptions<Contract>>;

/** A host, and everything it could leave behind. */
export interface HostStage<Name extends string = string> extends AsyncDisposable {
  readonly host: PluginHost<Record<Name, PluginOptions<Contract>>>;
  readonly log: LogEntry[];
  readonly directory: string;
  readonly sockets: string;
  close(): Promise<void>;
  /** What is left of the plugins: processes by their environment, and entries of the socket directory. */
  leftovers(): Promise<string[]>;
}

/** A host with one plugin. */
export interface Stage extends Omit<HostStage, 'host'> {
  readonly plugin: PluginHandle<Contract>;
}

/** Loads a fixture. Disposing closes the host and fails when anything is left. */
export async function load(fixture: string, options: LoadOptions = {}, signal?: AbortSignal): Promise<Stage> {
  const { host, ...stage } = await loadAll({ TEST: { fixture, ...options } }, signal);
  return { ...stage, plugin: host.plugin('TEST') };
}

/** The same with several. */
export async function loadAll<Name extends string>(
  table: Readonly<Record<Name, LoadOptions & { readonly fixture: string }>>,
  signal?: AbortSignal,
): Promise<HostStage<Name>> {
  const directory = await mkdtemp(join(tmpdir(), 'plugins-'));
  const sockets = await mkdtemp(join(tmpdir(), 'sockets-'));
  const mark = `MARK_${randomUUID().replaceAll('-', '_')}`;
  const log: LogEntry[] = [];
  const plugins: Record<string, PluginOptions<Contract>> = {};
  for (const [name, entry] of Object.entries<LoadOptions & { readonly fixture: string }>(table)) {
    const { fixture, environment, ...others } = entry;
    plugins[name] = {
      contract: testContract,
      ...(await installPlugin(directory, fixture)),
      // What falls stays down, unless a test is about getting up again.
      restart: { maxRestarts: 0 },
      ...others,
      environment: { ...environment, set: { ...environment?.set, [mark]: '1' } },
    };
  }
  const host = await startPluginHost({
    directory,
    socketDirectory: sockets,
    logger: recordLog(log),
    ...(signal && { signal }),
    plugins: plugins as Record<Name, PluginOptions<Contract>>,
  });
  const leftovers = async (): Promise<string[]> => [...(await processesWith(mark)), ...(await readdir(sockets))];
  return {
    host,
    log,
    directory,
    sockets,
    close: () => host.close(),
    leftovers,
    async [Symbol.asyncDispose]() {
      await host.close();
      const left = await leftovers();
      await rm(directory, { recursive: true });
      await rm(sockets, { recursive: true });
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

/** The error with which a fixture fails to become ready; nothing of it may be left when it is known. */
export async function failure(fixture: string, options: LoadOptions = {}): Promise<PluginHostError> {
  await using stage = await load(fixture, options);
  const error = await stage.plugin.ready().then(
    () => {
      throw new Error('the plugin became ready');
    },
    (reason: unknown) => reason as PluginHostError,
  );
  const left = await stage.leftovers();
  if (left.length > 0) throw new Error(`left behind by a failed start: ${left.join(', ')}`);
  return error;
}

export async function stateOf(plugin: PluginHandle, name: PluginState['name']): Promise<PluginState> {
  while (plugin.state.name !== name) await once(plugin, 'state');
  return plugin.state;
}

/** Processes whose environment holds the variable, grandchildren included. A zombie has none. */
export async function processesWith(variable: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.includes(`${variable}=`) ? [`process ${pid}`] : [];
    }),
  );
  return found.flat();
}

/** The log entry with the message, waiting for it. */
export async function logged(log: LogEntry[], message: string): Promise<LogEntry> {
  for (;;) {
    const entry = log.find((candidate) => candidate.message === message);
    if (entry) return entry;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
