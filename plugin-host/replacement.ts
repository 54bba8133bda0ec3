import type { Attempt } from './attempt.ts';
import { PluginHostError, type PluginHostErrorDetails } from './errors.ts';
import type { Running } from './generation.ts';
import type { Lifecycle } from './lifecycle.ts';
import { nextChange, unlessAborted } from './wait.ts';

/** How far a replacement is. */
export type SwapStep = 'begun' | 'switched' | 'done' | 'rolled-back';

/** One replacement of a generation by another. */
export interface Replacement<Life extends Running, Plan> {
  /** The plugin, for errors. */
  readonly plugin: string;
  /** What the new generation is made from, and those that follow it. */
  readonly plan: Plan;
  /** Rejects when the new generation is not to take over. The signal aborts when nobody wants to know any more. */
  readonly probe: (life: Life, whileWanted: AbortSignal) => Promise<void>;
  /** Gives the replacement up, until it has taken over. */
  readonly signal?: AbortSignal | undefined;
  readonly onStep: (event: SwapProgress) => void;
}

export interface SwapProgress {
  readonly step: SwapStep;
  /** The new one. */
  readonly generation: number;
  /** The one that served when it began, if any. */
  readonly previous?: number;
  /** Why it was rolled back. */
  readonly error?: Error;
}

/**
 * Starts a generation beside what serves, probes it, gives it the new calls, and lets the one before end its own. Until the
 * switch everything that goes wrong, `close` and the signal included, ends the new generation and nothing else; that is
 * an `ERR_REPLACE` with the step, or the signal's reason. Meanwhile back-off does not end in a restart.
 */
export async function replaceGeneration<Life extends Running, Plan>(
  lifecycle: Lifecycle<Life, Plan>,
  { plugin, plan, probe, signal, onStep }: Replacement<Life, Plan>,
): Promise<Life> {
  using _held = lifecycle.holdRestarts();
  while (lifecycle.state.name === 'starting') await nextChange([lifecycle], signal);
  const { name, generation: previous } = lifecycle.state;
  const attempt = lifecycle.begin(plan);
  const { generation } = attempt;
  const tell = (step: SwapStep, error?: Error): void => {
    onStep({ step, generation, ...(name === 'ready' && { previous }), ...(error && { error }) });
  };

  tell('begun');
  let step: PluginHostErrorDetails['step'];
  let before: Attempt<Life> | undefined;
  let life: Life;
  try {
    life = await unlessAborted(attempt.started, signal);
    step = 'probe';
    const whileWanted = AbortSignal.any([life.gone, attempt.stopping, ...(signal ? [signal] : [])]);
    await unlessAborted(probe(life, whileWanted), whileWanted);
    step = 'switch';
    before = lifecycle.switchTo(attempt, life, plan);
  } catch (error) {
    await attempt.stop({ force: true });
    const failure = signal?.aborted === true ? (signal.reason as Error) : replaceError(plugin, error as Error, step);
    tell('rolled-back', failure);
    throw failure;
  }
  tell('switched');
  await before?.stop({ reason: new PluginHostError('ERR_REPLACED', 'the plugin was replaced', { plugin }) });
  tell('done');
  return life;
}

/** A step that is not known yet is in what the start rejected with. */
function replaceError(plugin: string, cause: Error, step: PluginHostErrorDetails['step']): Error {
  const known = cause instanceof PluginHostError ? cause.details : {};
  if (cause instanceof PluginHostError && cause.code === 'ERR_CLOSED') return cause;
  const failed = step ?? known.step;
  const details = { ...known, plugin, ...(failed !== undefined && { step: failed }) };
  const where = failed === undefined ? '' : `, at step ${failed}`;
  return new PluginHostError('ERR_REPLACE', `plugin ${plugin} was not replaced${where}: ${cause.message}`, details, {
    cause,
  });
}
