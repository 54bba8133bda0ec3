import { type EventEmitter, once } from 'node:events';

import type { CrashReport, PluginInfo } from '../../../plugin-host/index.ts';
import { type LoadOptions, type Stage, stateOf } from './host-fixture.ts';

export const quick = { minBackoffMs: 20, maxBackoffMs: 50 };

type Handle = EventEmitter & { ready(): Promise<PluginInfo> };

/** Kills the process that serves, and waits until the host has taken notice. */
export async function kill({ plugin }: { readonly plugin: Handle }): Promise<CrashReport> {
  const { pid } = await plugin.ready();
  const crashed = once(plugin, 'crash') as Promise<[CrashReport]>;
  process.kill(pid, 'SIGKILL');
  const [crash] = await crashed;
  return crash;
}

/** How a plugin can be down, or on its way there or back. */
export const DOWN: Readonly<
  Record<string, { fixture: string; options: LoadOptions; reached: (stage: Stage) => Promise<unknown> }>
> = {
  'in back-off': {
    fixture: 'good.ts',
    options: { restart: { minBackoffMs: 600_000, maxBackoffMs: 600_000 } },
    reached: kill,
  },
  'in back-off that is about to end': {
    fixture: 'good.ts',
    options: { restart: { minBackoffMs: 1, maxBackoffMs: 1 } },
    reached: kill,
  },
  'in failed': { fixture: 'good.ts', options: {}, reached: kill },
  'in a restart': {
    fixture: 'good.ts',
    options: { restart: quick },
    reached: async (stage) => {
      await kill(stage);
      await stateOf(stage.plugin, 'starting');
    },
  },
  'while a sick plugin is being ended': {
    fixture: 'sick.ts',
    options: { health: { intervalMs: 1, timeoutMs: 1, failures: 1 } },
    reached: ({ plugin }) => once(plugin, 'crash'),
  },
};
