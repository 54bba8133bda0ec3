import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';

import type { CrashReport, PluginState, SwapEvent } from '../plugin-host/index.ts';
import { startCallers } from '../scripts/callers.ts';
import { startKeystoreStage } from '../test/process/plugin-host/keystore-stage.ts';
import { median } from './statistics.ts';

const CALLERS = 64;
const ANSWERS = 4 * CALLERS;

/** Medians over the rounds, in ms, with 64 callers at work. */
export interface SupervisionFigures {
  /** A start without load: file hashed, spawned, connected, configured, first encrypt and decrypt answered. */
  readonly coldStartMs: number;
  /** From `replace` until new calls go to the new process, and until the old one is gone. */
  readonly switchedMs: number;
  readonly replacedMs: number;
  /** From SIGKILL until the last call in flight was rejected. */
  readonly rejectedMs: number;
  /** From the end of the back-off until the first call is answered again. */
  readonly servingAgainMs: number;
  /** Calls that a swap failed, of all rounds together. */
  readonly failedBySwap: number;
  /** Calls that a kill failed for another reason than that the process was gone. */
  readonly failedOtherwise: number;
}

/** Swaps and kills the executable under our host, on a real OpenBao, while callers encrypt and decrypt. */
export async function measureSupervision(options: {
  rounds: number;
  report: (text: string) => void;
}): Promise<SupervisionFigures> {
  const { rounds, report } = options;
  await using stage = await startKeystoreStage({
    restart: { maxRestarts: rounds, minBackoffMs: 50, maxBackoffMs: 50 },
  });
  const { plugin } = stage;
  const figures = { cold: [], switched: [], replaced: [], rejected: [], again: [] } as Record<string, number[]>;
  const note = (name: string, from: number): void => void figures[name]?.push(performance.now() - from);

  for (let round = 1; round <= rounds; round += 1) {
    report(`Swap and kill ${round} of ${rounds} …`);
    const cold = performance.now();
    await plugin.restart();
    await stage.call();
    note('cold', cold);
  }

  const callers = startCallers(CALLERS, () => stage.call());
  for (let round = 1; round <= rounds; round += 1) {
    await callers.answers(ANSWERS);
    const begun = performance.now();
    const onSwap = ({ step }: SwapEvent): void => {
      if (step === 'switched') note('switched', begun);
    };
    plugin.on('swap', onSwap);
    await plugin.restart();
    note('replaced', begun);
    plugin.off('swap', onSwap);
  }
  const failedBySwap = callers.errors.length;

  for (let round = 1; round <= rounds; round += 1) {
    await callers.answers(ANSWERS);
    const { pid } = await plugin.ready();
    const crashed = once(plugin, 'crash') as Promise<[CrashReport]>;
    const starting = stateIs('starting');
    const killed = performance.now();
    process.kill(pid, 'SIGKILL');
    await crashed;
    // What was in flight is rejected in the same turn, and its callers are told before the next.
    await setTimeout(0);
    note('rejected', killed);
    await starting;
    const tried = performance.now();
    await callers.answers(1);
    note('again', tried);
  }
  await callers.stop();
  const gone = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_PLUGIN_EXITED';
  const of = (name: string): number => median(figures[name] ?? []);
  return {
    coldStartMs: of('cold'),
    switchedMs: of('switched'),
    replacedMs: of('replaced'),
    rejectedMs: of('rejected'),
    servingAgainMs: of('again'),
    failedBySwap,
    failedOtherwise: callers.errors.slice(failedBySwap).filter((error) => !gone(error)).length,
  };

  function stateIs(name: PluginState['name']): Promise<void> {
    return new Promise((resolve) => {
      const onState = (state: PluginState): void => {
        if (state.name !== name) return;
        plugin.off('state', onState);
        resolve();
      };
      plugin.on('state', onState);
    });
  }
}
