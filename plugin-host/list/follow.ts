import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { PluginHostError, systemErrorCode } from '../errors.ts';
import { limitProblem } from '../limits.ts';
import type { HostLogger } from '../log-relay.ts';
import type { PluginOptions, ReplacementOptions } from '../options.ts';
import type { Probe } from '../plugin-handle.ts';
import type { PluginContract } from '../contract.ts';
import type { PluginHost } from '../plugin-host.ts';
import { loadPluginList, type PluginList, type PluginListOptions } from './plugin-list.ts';

/** How a plugins list is followed. */
export interface FollowOptions extends PluginListOptions {
  /** The list that the host was started with. */
  readonly list: PluginList;
  readonly logger: HostLogger;
  /** How long nothing may change before the list is read again, so that files can be put in place one by one. Default 1000, at most 60 000 ms. */
  readonly debounceMs?: number;
  /** Tries each new process before it takes over, as in `replace`. */
  readonly probe?: Probe<PluginContract>;
}

const DEBOUNCE = { standard: 1000, min: 1, max: 60_000, unit: ' ms' } as const;
/** Where something changes all the time, the list is read after so many debounce times all the same. */
const PATIENCE = 10;

/**
 * Replaces the plugins of a host when their list changes on disk, or, for entries without a checksum, their executables.
 * The directories of the files are watched, so a file may be written in place, renamed over, or swapped by a symlink.
 *
 * Whatever is wrong (a list with problems, a process that does not start) is logged, and what serves goes on serving until
 * the next change. Plugins that the list names anew or no longer are told of by a warning: a host has the plugins it was
 * started with; other options than those of the process (`logLevel`) stay as they were. Disposing gives up a replacement under way and resolves when nothing is watched any more.
 * Throws `ERR_OPTIONS` for a `debounceMs` out of its range.
 */
export function followPluginList(host: PluginHost, file: string, options: FollowOptions): AsyncDisposable {
  const { debounceMs = DEBOUNCE.standard, logger } = options;
  const problem = limitProblem(DEBOUNCE, debounceMs);
  if (problem !== undefined) throw new PluginHostError('ERR_OPTIONS', `debounceMs ${problem}`);
  const stop = new AbortController();
  const applied = new Map(Object.entries(options.list.plugins));
  /** What was tried last and did not take over: not again before the entry or its file has changed. */
  const refused = new Map<string, unknown>();
  /** Warnings of what stays as it is, each told once. */
  const told = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let waitingSince: number | undefined;
  let running = Promise.resolve();
  let watchers: readonly FSWatcher[] = [];

  const onChange = (): void => {
    if (stop.signal.aborted) return;
    const now = performance.now();
    waitingSince ??= now;
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        waitingSince = undefined;
        running = running.then(apply);
      },
      Math.min(debounceMs, waitingSince + PATIENCE * debounceMs - now),
    );
  };
  /** Anew each time: a directory may have been put in the place of another, and an entry may lead to another one. */
  const look = (plugins: PluginList['plugins']): void => {
    const before = watchers;
    const files = [file, ...Object.values(plugins).map((plugin) => plugin.file)];
    watchers = stop.signal.aborted ? [] : watchDirectories(files, onChange, logger);
    for (const watcher of before) watcher.close();
  };

  const warnOnce = (text: string): void => {
    if (told.has(text)) return;
    told.add(text);
    logger.warn({}, text);
  };

  const apply = async (): Promise<void> => {
    if (stop.signal.aborted) return;
    look(Object.fromEntries(applied));
    try {
      const list = await loadPluginList(file, options);
      look(list.plugins);
      for (const warning of list.warnings) logger.debug({}, warning);
      for (const key of Object.keys(list.plugins)) {
        if (!applied.has(key)) warnOnce(`${key} is new in the list; it starts with the next host`);
      }
      for (const [key, before] of applied) await replaceOne(key, before, list.plugins[key]);
    } catch (error) {
      logger.error({ code: (error as Partial<PluginHostError>).code }, (error as Error).message);
    }
  };

  const replaceOne = async (key: string, before: PluginOptions, now: PluginOptions | undefined): Promise<void> => {
    if (!now) warnOnce(`${key} is no longer in the list; it goes on until the host is closed`);
    if (!now || stop.signal.aborted || isDeepStrictEqual(processOf(before), processOf(now))) return;
    const attempt = { process: processOf(now), file: await identity(now.file) };
    if (isDeepStrictEqual(attempt, refused.get(key))) return;
    const { probe } = options;
    try {
      const { generation } = await host
        .plugin(key)
        .replace(processOf(now), { signal: stop.signal, ...(probe && { probe }) });
      applied.set(key, now);
      refused.delete(key);
      logger.info({ generation }, `${key} is replaced as the list says`);
    } catch (error) {
      if (error === stop.signal.reason) return;
      refused.set(key, attempt);
      logger.error({ code: (error as Partial<PluginHostError>).code }, (error as Error).message);
    }
  };

  look(options.list.plugins);
  // What has changed since the list was read.
  onChange();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new PluginHostError('ERR_CLOSED', 'the list is no longer followed'));
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      await running;
    },
  };
}

/** What the list says of a process. */
function processOf({ file, sha256, args, configuration, environment }: PluginOptions): ReplacementOptions {
  return {
    file,
    sha256,
    ...(args && { args }),
    ...(configuration !== undefined && { configuration }),
    ...(environment && { environment }),
  };
}

/** Changes when another file is there, or when the file is written to. */
async function identity(file: string): Promise<unknown> {
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found && [found.dev, found.ino, found.size, found.mtimeNs];
}

function watchDirectories(files: readonly string[], onChange: () => void, logger: HostLogger): readonly FSWatcher[] {
  const directories = new Set(files.map((file) => dirname(resolve(file))));
  return [...directories].flatMap((directory) => {
    const tell = (error: unknown): void =>
      logger.warn({ directory, code: systemErrorCode(error) }, 'a directory of the list cannot be watched');
    try {
      return [watch(directory, { persistent: false }, onChange).on('error', tell)];
    } catch (error) {
      tell(error);
      return [];
    }
  });
}
