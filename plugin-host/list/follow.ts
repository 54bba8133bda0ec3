import { type FSWatcher, watch } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { PluginHostError } from '../errors.ts';
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
  /** How long nothing may change before the list is read again, in ms, so that files can be put in place one by one. Default 1000. */
  readonly debounceMs?: number;
  /** Tries each new process before it takes over, as in `replace`. */
  readonly probe?: Probe<PluginContract>;
}

const DEBOUNCE_MS = 1000;

/**
 * Replaces the plugins of a host when their list changes on disk, or, for entries without a checksum, their executables.
 * The directories of the files are watched, so a file may be written in place, renamed over, or swapped by a symlink.
 *
 * Whatever is wrong (a list with problems, a process that does not start) is logged, and what serves goes on serving until
 * the next change. Plugins that the list names anew or no longer are told of by a warning: a host has the plugins it was
 * started with. Disposing gives up a replacement under way and resolves when nothing is watched any more.
 */
export function followPluginList(host: PluginHost, file: string, options: FollowOptions): AsyncDisposable {
  const { debounceMs = DEBOUNCE_MS, logger } = options;
  const stop = new AbortController();
  const applied = new Map(Object.entries(options.list.plugins));
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  const onChange = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(apply);
    }, debounceMs);
  };
  const watchers = watchDirectories(
    [file, ...Object.values(options.list.plugins).map((plugin) => plugin.file)],
    onChange,
    logger,
  );

  const apply = async (): Promise<void> => {
    if (stop.signal.aborted) return;
    try {
      const list = await loadPluginList(file, options);
      for (const warning of list.warnings) logger.debug({}, warning);
      for (const key of Object.keys(list.plugins)) {
        if (!applied.has(key)) logger.warn({}, `${key} is new in the list; it starts with the next host`);
      }
      for (const [key, before] of applied) await replaceOne(key, before, list.plugins[key]);
    } catch (error) {
      logger.error({ code: (error as Partial<PluginHostError>).code }, (error as Error).message);
    }
  };

  const replaceOne = async (key: string, before: PluginOptions, now: PluginOptions | undefined): Promise<void> => {
    if (!now) logger.warn({}, `${key} is no longer in the list; it goes on until the host is closed`);
    if (!now || stop.signal.aborted || isDeepStrictEqual(processOf(before), processOf(now))) return;
    // What did not start is not tried again before the next change.
    applied.set(key, now);
    const { probe } = options;
    try {
      const { generation } = await host
        .plugin(key)
        .replace(processOf(now), { signal: stop.signal, ...(probe && { probe }) });
      logger.info({ generation }, `${key} is replaced as the list says`);
    } catch (error) {
      if (error === stop.signal.reason) return;
      logger.error({ code: (error as Partial<PluginHostError>).code }, (error as Error).message);
    }
  };

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

function watchDirectories(files: readonly string[], onChange: () => void, logger: HostLogger): readonly FSWatcher[] {
  const directories = new Set(files.map((file) => dirname(resolve(file))));
  return [...directories].map((directory) =>
    // A directory that goes away shows as an error of its own.
    watch(directory, { persistent: false }, onChange).on('error', (error) => {
      logger.error({}, `${directory} cannot be watched any more: ${error.message}`);
    }),
  );
}
