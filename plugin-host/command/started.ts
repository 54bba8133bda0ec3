import { basename, dirname, resolve } from 'node:path';

import { loadPluginList, type ListedPlugin, type PluginListOptions } from '../list/plugin-list.ts';
import { type PluginHost, startPluginHost } from '../plugin-host.ts';
import { CommandError, EXIT_CODES } from './exit-codes.ts';
import { KEYSTORE_CONTRACTS } from './methods.ts';
import type { Session } from './session.ts';

/** How the list and the plugins directory are named on the command line. */
export interface ListSelection {
  readonly config: string;
  readonly directory?: string | undefined;
  /** Starts again what falls. Otherwise the first fall is the last. */
  readonly restarts?: boolean;
}

const ONCE = { restart: { maxRestarts: 0 } } as const;

/** The plugins of a list that is a file, or those of them that `only` names. Whoever gets the host closes it. */
export async function startListed(
  { config, directory, restarts = false }: ListSelection,
  session: Session,
  only: PluginListOptions['only'] & {} = () => true,
): Promise<{ readonly host: PluginHost; readonly entries: readonly ListedPlugin[] }> {
  const list = await loadPluginList(config, { contracts: KEYSTORE_CONTRACTS, only, ...(directory && { directory }) });
  for (const warning of list.warnings) session.warn(warning);
  const { entries } = list;
  if (entries.length === 0)
    throw new CommandError(EXIT_CODES.configuration, `${config} names no enabled plugin of this kind`);
  const host = await startPluginHost({
    directory: directory === undefined ? commonDirectory(entries) : resolve(directory),
    plugins: Object.fromEntries(entries.map(({ key, options }) => [key, { ...options, ...(restarts ? {} : ONCE) }])),
    logger: session.logger,
    signal: session.signal,
  });
  return { host, entries };
}

/** One executable with its configuration, as a plugins directory of its own. */
export function directoryAndFile(executable: string): { readonly directory: string; readonly file: string } {
  const path = resolve(executable);
  return { directory: dirname(path), file: basename(path) };
}

function commonDirectory(entries: readonly ListedPlugin[]): string {
  const [first = '', ...others] = new Set(entries.map(({ options: { file } }) => dirname(file)));
  if (others.length === 0) return first;
  throw new CommandError(
    EXIT_CODES.usage,
    `the executables are in several directories (${[first, ...others].join(', ')}): name the plugins directory with --directory`,
  );
}
