import { PluginHostError } from './errors.ts';
import type { CloseOptions, PluginInfo, Running } from './generation.ts';

/** Where a plugin stands. `generation` counts its processes. */
export type PluginState =
  | { readonly name: 'starting'; readonly generation: number }
  | { readonly name: 'ready'; readonly generation: number; readonly info: PluginInfo }
  /** Takes no more calls; what runs is being ended in order. */
  | { readonly name: 'draining'; readonly generation: number }
  | { readonly name: 'failed'; readonly generation: number; readonly error: Error }
  | { readonly name: 'closed'; readonly generation: number };

/** Starts one generation. When the signal aborts it rejects with the signal's reason, once nothing is left of it. */
export type Start<Life extends Running> = (number: number, signal: AbortSignal) => Promise<Life>;

/**
 * One state as the machine holds it. Each is made by a function of its own, owns what it started, and undoes that in
 * `leave`. An event of a state that was left changes nothing, so the first cause wins.
 */
interface State<Life extends Running> {
  readonly view: PluginState;
  /** What a call in this state gets, or throws. */
  serving(): Life | Promise<Life>;
  close(options: CloseOptions): void;
  leave?(): void;
}

/** What the states see of the machine. */
interface Machine<Life extends Running> {
  readonly start: Start<Life>;
  /** Moves on, if `from` is still the current state. */
  move(from: State<Life>, to: () => State<Life>): void;
}

/**
 * The state machine of one plugin:
 *
 * ```
 * starting → ready → draining → closed
 *     |        └→ failed → closed
 *     ├→ failed
 *     └→ draining
 * ```
 */
export class Lifecycle<Life extends Running> {
  #state: State<Life>;
  readonly #onState: (state: PluginState) => void;
  readonly #closed = Promise.withResolvers<undefined>();
  readonly #machine: Machine<Life>;

  constructor(start: Start<Life>, onState: (state: PluginState) => void) {
    this.#onState = onState;
    this.#machine = {
      start,
      move: (from, to) => {
        if (this.#state === from) this.#enter(to());
      },
    };
    this.#state = starting(this.#machine, 1);
  }

  get state(): PluginState {
    return this.#state.view;
  }

  /** The generation that serves, a promise of it while it starts; throws why there is none. */
  serving(): Life | Promise<Life> {
    return this.#state.serving();
  }

  /** Ends what runs, in order. Idempotent; resolves when nothing is left. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#state.close(options);
    return this.#closed.promise;
  }

  #enter(state: State<Life>): void {
    this.#state.leave?.();
    this.#state = state;
    if (state.view.name === 'closed') this.#closed.resolve(undefined);
    this.#onState(state.view);
  }
}

function starting<Life extends Running>(machine: Machine<Life>, generation: number): State<Life> {
  const cancel = new AbortController();
  const started = machine.start(generation, cancel.signal);
  const state: State<Life> = {
    view: { name: 'starting', generation },
    serving: () => started,
    close: (options) => {
      machine.move(state, () => {
        cancel.abort(closedError());
        const stop = (how: CloseOptions): Promise<void> =>
          started.then(
            (running) => running.stop(how),
            () => undefined,
          );
        return draining(machine, generation, stop, options);
      });
    },
  };
  started.then(
    (running) => machine.move(state, () => (running.gone.aborted ? lost(machine, running) : ready(machine, running))),
    (error: unknown) => machine.move(state, () => failed(machine, generation, error as Error, Promise.resolve())),
  );
  return state;
}

function ready<Life extends Running>(machine: Machine<Life>, running: Life): State<Life> {
  const { info, gone } = running;
  const onGone = (): void => machine.move(state, () => lost(machine, running));
  const state: State<Life> = {
    view: { name: 'ready', generation: info.generation, info },
    serving: () => running,
    close: (options) => {
      machine.move(state, () => draining(machine, info.generation, (how) => running.stop(how), options));
    },
    leave: () => gone.removeEventListener('abort', onGone),
  };
  gone.addEventListener('abort', onGone, { once: true });
  return state;
}

function lost<Life extends Running>(machine: Machine<Life>, running: Life): State<Life> {
  const ended = running.stop({ force: true });
  return failed(machine, running.info.generation, running.gone.reason as Error, ended);
}

function draining<Life extends Running>(
  machine: Machine<Life>,
  generation: number,
  stop: (how: CloseOptions) => Promise<void>,
  options: CloseOptions,
): State<Life> {
  const state: State<Life> = {
    view: { name: 'draining', generation },
    serving: () => {
      throw closedError();
    },
    // Only a later `force` makes a difference.
    close: (how) => void stop(how),
  };
  void stop(options).then(() => machine.move(state, () => closed(generation)));
  return state;
}

function failed<Life extends Running>(
  machine: Machine<Life>,
  generation: number,
  error: Error,
  ended: Promise<void>,
): State<Life> {
  const state: State<Life> = {
    view: { name: 'failed', generation, error },
    serving: () => {
      throw error;
    },
    close: () => void ended.then(() => machine.move(state, () => closed(generation))),
  };
  return state;
}

function closed<Life extends Running>(generation: number): State<Life> {
  return {
    view: { name: 'closed', generation },
    serving: () => {
      throw closedError();
    },
    close: () => undefined,
  };
}

function closedError(): PluginHostError {
  return new PluginHostError('ERR_CLOSED', 'the plugin was closed');
}
