import { setTimeout } from 'node:timers/promises';

import { status as grpcStatus } from '@grpc/grpc-js';

import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import { type ListedPlugin, listedPlugin } from '../list/plugin-list.ts';
import { HealthState } from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import type { CallOptions, PluginClient } from '../contract.ts';
import { PluginCallError } from '../errors.ts';
import type { PluginHost } from '../plugin-host.ts';
import type { PluginStatus } from '../status.ts';
import { EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { settlesWithin } from '../wait.ts';
import { readJsonFile } from './input.ts';
import { toPlain } from './plain.ts';
import type { Session } from './session.ts';
import { type ListSelection, startListed } from './started.ts';
import { statusTable } from './status-table.ts';

export interface StatusOptions extends ListSelection {
  readonly output: 'text' | 'json';
  readonly watch: boolean;
  readonly intervalMs: number;
  /** What each probe asks the plugin for, besides the health of its keystore. */
  readonly key?: string | undefined;
  readonly values?: string | undefined;
}

const LEAST_PROBE_MS = 1000;
/** Home, and nothing below. */
const CLEAR = '\u001B[H\u001B[J';

/** What the last probe found of the keystore behind a plugin. */
type Keystore = 'active' | 'degraded' | 'unavailable' | 'refused' | 'not asked';

const KEYSTORE_STATES: Readonly<Partial<Record<HealthState, Keystore>>> = {
  [HealthState.HEALTH_STATE_ACTIVE]: 'active',
  [HealthState.HEALTH_STATE_DEGRADED]: 'degraded',
};

/**
 * Starts the plugins of a list, asks each for the health of its keystore, and shows how they are doing; with `watch` again
 * and again until the signal. The exit code is `checkFailed` when a plugin is not ready or its keystore does not serve.
 */
export async function status(options: StatusOptions, session: Session): Promise<ExitCode> {
  const { signal } = session;
  const values = options.values === undefined ? {} : await readJsonFile(options.values);
  const { host, entries } = await startListed({ ...options, restarts: options.watch }, session);
  await using _ = host;
  const { intervalMs, key, watch } = options;
  // Who watches wants to see what hangs.
  await (watch ? settlesWithin(settled(host, signal), intervalMs) : settled(host, signal));
  const limits = { signal, waitForReady: false, ...(watch && { timeoutMs: Math.max(intervalMs, LEAST_PROBE_MS) }) };
  const probes = entries.map((entry) => createProbe(host, entry, { key, values, limits }));
  const shown = shownNames(entries);
  const round = async (): Promise<boolean> => {
    const keystores = await Promise.all(probes.map((ask) => ask()));
    if (signal.aborted) return false;
    const plugins = Object.values(host.status());
    const found = plugins.map((plugin, index) => ({ keystore: keystores[index] ?? 'not asked', ...plugin }));
    show(Object.fromEntries(found.map((each, index) => [shown[index] ?? '', each] as const)), options, session);
    return found.every(isGood);
  };

  let good = await round();
  while (watch && !signal.aborted) {
    await setTimeout(intervalMs, undefined, { signal }).catch(() => undefined);
    good = await round();
  }
  if (watch) return EXIT_CODES.ok;
  if (signal.aborted) return EXIT_CODES.interrupted;
  return good ? EXIT_CODES.ok : EXIT_CODES.checkFailed;
}

/** Every plugin is ready or will not be. */
async function settled(host: PluginHost, signal: AbortSignal): Promise<void> {
  const handles = Object.keys(host.status()).map((name) => host.plugin(name));
  await Promise.all(handles.map((handle) => handle.ready({ signal }).catch(() => undefined)));
}

/** The names of the list where they tell the plugins apart. */
function shownNames(entries: readonly ListedPlugin[]): readonly string[] {
  const isUnique = new Set(entries.map(({ name }) => name)).size === entries.length;
  return entries.map(({ key, name }) => (isUnique ? name : key));
}

/** Asks for the keystore behind the plugin: that the process is well is no answer to whether keys can be used. */
function createProbe(
  host: PluginHost,
  { contract, name }: ListedPlugin,
  { key, values, limits }: { readonly key: string | undefined; readonly values: object; readonly limits: CallOptions },
): () => Promise<Keystore> {
  const handle = listedPlugin(host, contract, name);
  const config = { values };
  let servesHealth = true;
  return async () => {
    if (contract.type !== keystoreContract.type || handle.state.name !== 'ready') return 'not asked';
    const { crypto, operations } = handle.client as PluginClient<typeof keystoreContract>;
    let found: Keystore = 'not asked';
    try {
      if (servesHealth) {
        const { state } = await crypto.checkHealth({ config, deep: false }, limits);
        found = KEYSTORE_STATES[state] ?? 'unavailable';
      }
    } catch (error) {
      servesHealth = !(error instanceof PluginCallError && error.code === grpcStatus.UNIMPLEMENTED);
      if (servesHealth) return 'refused';
    }
    if (key === undefined) return found;
    return operations.getKey({ parameters: { config, keyId: key } }, limits).then(
      () => (found === 'not asked' ? 'active' : found),
      () => 'refused' as const,
    );
  };
}

/** A plugin, and the keystore behind it. */
type Shown = PluginStatus & { readonly keystore: Keystore };

function isGood({ state, keystore }: Shown): boolean {
  return state === 'ready' && keystore !== 'unavailable' && keystore !== 'refused';
}

function show(plugins: Readonly<Record<string, Shown>>, { output, watch }: StatusOptions, session: Session): void {
  if (output === 'json') {
    session.print(`${JSON.stringify({ at: new Date().toISOString(), plugins: toPlain(plugins) })}\n`);
    return;
  }
  const lines = statusTable(plugins, session.width, { KEYSTORE: (name) => plugins[name]?.keystore ?? '-' });
  const table = `${lines.join('\n')}\n`;
  session.print(watch && session.isTerminal ? `${CLEAR}${table}` : table);
}
