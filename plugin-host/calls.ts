import { status } from '@grpc/grpc-js';

import type { CallOutcome, CallStatistics } from './call-statistics.ts';
import type { Clock } from './clock.ts';
import type { Invoke } from './contract.ts';
import { PluginCallError, PluginHostError } from './errors.ts';
import { publish } from './events.ts';
import type { Generation } from './generation.ts';
import type { Lifecycle } from './lifecycle.ts';
import { timeLimit } from './limits.ts';
import type { PluginPlan } from './options.ts';
import { nextChange, withinTime } from './wait.ts';

/** A plugin as its calls see it. */
export interface CallTarget {
  readonly plan: PluginPlan;
  readonly lifecycle: Lifecycle<Generation, PluginPlan>;
  readonly statistics: CallStatistics;
  readonly clock: Clock;
}

/** Who takes a call. */
interface Route {
  readonly target: CallTarget;
  readonly life: Generation;
}

/** The way of calls to the plugin, or to its backup while it is down. */
export function createInvoke(own: CallTarget, backup: CallTarget | undefined): Invoke {
  return createRoutedInvoke(own, backup, () => route(own, backup));
}

/** The way of calls to one process and no other. They reject with why it takes no more. */
export function createPinnedInvoke(target: CallTarget, life: Generation): Invoke {
  return createRoutedInvoke(target, undefined, () => {
    life.leaving.throwIfAborted();
    return { target, life };
  });
}

function createRoutedInvoke(own: CallTarget, backup: CallTarget | undefined, find: () => Route | undefined): Invoke {
  const { plan, clock } = own;
  return async (method, request, options = {}) => {
    const deadline = Date.now() + timeLimit(options.timeoutMs, plan.callTimeoutMs);
    const { signal, waitForReady = plan.waitForReady } = options;
    const began = clock.now();
    let taken: (Route & { readonly at: number }) | undefined;
    const settle = (outcome: CallOutcome, error?: unknown): void => {
      const now = clock.now();
      if (taken) taken.target.statistics.end(outcome, now - taken.at);
      else own.statistics.turnAway(outcome);
      publish('call', (taken?.target ?? own).plan.name, () => ({
        generation: taken?.life.info.generation,
        method: method.path,
        outcome,
        ms: now - began,
        ...(error !== undefined && { error }),
      }));
    };

    try {
      // Between the last look and the call nothing may happen, or the process found could be on its way out.
      let found = find();
      while (!found) {
        await change(own, backup, { deadline, signal, waitForReady });
        found = find();
      }
      taken = { ...found, at: clock.now() };
      found.target.statistics.begin();
      const answer = await found.life.connection.unary(method, request, { deadline, signal });
      settle('ok');
      return answer;
    } catch (error) {
      settle(outcomeOf(error, signal), error);
      throw error;
    }
  };
}

/** Who takes calls now; undefined while it is worth waiting. Throws why it is not. */
function route(own: CallTarget, backup: CallTarget | undefined): Route | undefined {
  if (backup && own.lifecycle.isDown) {
    const { state } = backup.lifecycle;
    const life = state.name === 'ready' ? backup.lifecycle.serving() : undefined;
    if (life) return { target: backup, life };
    if (state.name === 'starting' || state.name === 'backoff') return undefined;
  }
  const life = own.lifecycle.serving();
  return life && { target: own, life };
}

/** Something has happened to the plugin or its backup. */
async function change(
  own: CallTarget,
  backup: CallTarget | undefined,
  options: { deadline: number; signal: AbortSignal | undefined; waitForReady: boolean },
): Promise<void> {
  if (!options.waitForReady) throw notReady(own, 'is not ready');
  const sources = backup ? [own.lifecycle, backup.lifecycle] : [own.lifecycle];
  const reason = (): Error => notReady(own, 'was not ready in the time of the call');
  const leftMs = options.deadline - Date.now();
  if (leftMs <= 0) throw reason();
  await withinTime(leftMs, reason, options.signal, (signal) => nextChange(sources, signal));
}

function notReady({ plan: { name: plugin }, lifecycle: { state } }: CallTarget, what: string): PluginHostError {
  const text = `plugin ${plugin} ${what}; it is ${state.name}`;
  if (!('error' in state)) return new PluginHostError('ERR_NOT_READY', text, { plugin });
  const { error } = state;
  return new PluginHostError('ERR_NOT_READY', `${text}: ${error.message}`, { plugin }, { cause: error });
}

function outcomeOf(error: unknown, signal: AbortSignal | undefined): CallOutcome {
  if (signal?.aborted === true && error === signal.reason) return 'cancelled';
  if (!(error instanceof PluginCallError)) return 'lost';
  return error.code === status.DEADLINE_EXCEEDED ? 'late' : 'refused';
}
