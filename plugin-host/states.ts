import type { Attempt } from './attempt.ts';
import type { Clock } from './clock.ts';
import { closedError } from './errors.ts';
import type { PluginInfo, Running } from './generation.ts';

/** Where a plugin stands. `generation` counts its processes. */
export type PluginState =
  | { readonly name: 'starting'; readonly generation: number }
  | { readonly name: 'ready'; readonly generation: number; readonly info: PluginInfo }
  /** Takes no more calls; what runs is being ended in order. */
  | { readonly name: 'draining'; readonly generation: number }
  /** The generation fell, or did not start, for this reason; the next one is started after the delay. */
  | { readonly name: 'backoff'; readonly generation: number; readonly error: Error; readonly delayMs: number }
  /** The same, and nothing is started until somebody asks for it. */
  | { readonly name: 'failed'; readonly generation: number; readonly error: Error }
  | { readonly name: 'closed'; readonly generation: number };

/** A generation that ended without being told to, or that did not become ready. */
export interface Fall {
  readonly generation: number;
  readonly error: Error;
  /** For how long it had been ready; 0 when it never was. */
  readonly readyMs: number;
}

/**
 * One state as the machine holds it. Each is made by a function of its own and undoes in `leave` what it began. An event of
 * a state that was left changes nothing, so the first cause wins.
 */
export interface State<Life extends Running> {
  readonly view: PluginState;
  /** What takes calls; undefined while it is worth waiting for. Throws why it is not. */
  serving(): Life | undefined;
  /** What serves. */
  readonly attempt?: Attempt<Life>;
  /** Starts anew, where nothing runs and nothing is being started. */
  restart?(): void;
  leave?(): void;
}

/** What the states see of the machine. */
export interface Machine<Life extends Running> {
  readonly clock: Clock;
  /** Begins the next generation once what is left of the one before is gone. */
  begin(remains?: Promise<void>): Attempt<Life>;
  /** Asks a life for its health until the returned function is called. */
  watch(life: Life, onUnhealthy: (error: Error) => void): () => void;
  /** Tells of a fall; answers the delay until the next start, or the error with which all has failed. */
  judge(fall: Fall): number | Error;
  /** Moves on, if `from` is still the current state. */
  move(from: State<Life>, to: () => State<Life>): void;
  /** Now, or as soon as no replacement is under way. */
  whenFree(work: () => void): void;
}

export function starting<Life extends Running>(machine: Machine<Life>, remains?: Promise<void>): State<Life> {
  const attempt = machine.begin(remains);
  const { generation } = attempt;
  const state: State<Life> = { view: { name: 'starting', generation }, serving: () => undefined };
  attempt.started.then(
    (life) =>
      machine.move(state, () => (life.gone.aborted ? gone(machine, attempt, life) : ready(machine, attempt, life))),
    (error: unknown) => {
      machine.move(state, () => fallen(machine, { generation, error: error as Error, readyMs: 0 }, attempt.ended));
    },
  );
  return state;
}

export function ready<Life extends Running>(machine: Machine<Life>, attempt: Attempt<Life>, life: Life): State<Life> {
  const { generation } = attempt;
  const since = machine.clock.now();
  const fall = (error: Error): void => {
    machine.move(state, () => {
      const readyMs = machine.clock.now() - since;
      return fallen(machine, { generation, error, readyMs }, attempt.kill(error));
    });
  };
  const onGone = (): void => fall(life.gone.reason as Error);
  life.gone.addEventListener('abort', onGone, { once: true });
  const unwatch = machine.watch(life, fall);
  const state: State<Life> = {
    view: { name: 'ready', generation, info: life.info },
    serving: () => life,
    attempt,
    leave: () => {
      life.gone.removeEventListener('abort', onGone);
      unwatch();
    },
  };
  return state;
}

function gone<Life extends Running>(machine: Machine<Life>, attempt: Attempt<Life>, life: Life): State<Life> {
  const error = life.gone.reason as Error;
  return fallen(machine, { generation: attempt.generation, error, readyMs: 0 }, attempt.kill(error));
}

function fallen<Life extends Running>(machine: Machine<Life>, fall: Fall, remains: Promise<void>): State<Life> {
  const { generation, error } = fall;
  const verdict = machine.judge(fall);
  const restart = (): void => machine.move(state, () => starting(machine, remains));
  if (typeof verdict !== 'number') {
    const state: State<Life> = {
      view: { name: 'failed', generation, error: verdict },
      serving: () => {
        throw verdict;
      },
      restart: () => machine.move(state, () => starting(machine, remains)),
    };
    return state;
  }
  const cancel = machine.clock.schedule(verdict, () => machine.whenFree(restart));
  const state: State<Life> = {
    view: { name: 'backoff', generation, error, delayMs: verdict },
    serving: () => undefined,
    restart,
    leave: cancel,
  };
  return state;
}

export function draining<Life extends Running>(generation: number): State<Life> {
  return final({ name: 'draining', generation });
}

export function closed<Life extends Running>(generation: number): State<Life> {
  return final({ name: 'closed', generation });
}

function final<Life extends Running>(view: PluginState): State<Life> {
  return {
    view,
    serving: () => {
      throw closedError();
    },
  };
}
