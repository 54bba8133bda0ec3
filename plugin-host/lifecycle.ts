import { type Attempt, beginAttempt } from './attempt.ts';
import type { Clock } from './clock.ts';
import { closedError } from './errors.ts';
import type { CloseOptions, Running } from './generation.ts';
import type { RestartPolicy } from './restart-policy.ts';
import { closed, draining, type Fall, type Machine, type PluginState, ready, starting, type State } from './states.ts';
import { nextChange } from './wait.ts';

/** What a lifecycle is made with. */
export interface LifecycleOptions<Life extends Running, Plan> {
  /** What the first generations are made from. */
  readonly plan: Plan;
  /** Starts one generation. When the signal aborts it rejects with the signal's reason, once nothing is left of it. */
  readonly start: (plan: Plan, generation: number, signal: AbortSignal) => Promise<Life>;
  readonly watch: Machine<Life>['watch'];
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly onState: (state: PluginState) => void;
  /** Before the state that comes of it. */
  readonly onFall: (fall: Fall, verdict: number | Error) => void;
}

/**
 * The state machine of one plugin. A replacement changes from `ready`, `backoff` or `failed` to `ready`.
 *
 * ```
 * starting → ready → backoff → starting → …
 *     ├→ backoff         └→ failed → starting (asked for)
 *     └→ failed
 * any of these → draining → closed
 * ```
 */
export class Lifecycle<Life extends Running, Plan> {
  #plan: Plan;
  #state: State<Life>;
  #generation = 0;
  #isDown = false;
  /** Everything that was begun and has not ended. */
  readonly #attempts = new Set<Attempt<Life>>();
  readonly #listeners = new Set<() => void>();
  readonly #options: LifecycleOptions<Life, Plan>;
  readonly #machine: Machine<Life>;
  /** Restarts that wait for the end of a replacement; undefined while there is none. */
  #held: (() => void)[] | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LifecycleOptions<Life, Plan>) {
    const { clock, watch, policy, onFall, plan } = options;
    this.#options = options;
    this.#plan = plan;
    this.#machine = {
      clock,
      watch,
      begin: (remains) => this.begin(this.#plan, remains),
      judge: (fall) => {
        const verdict = policy.next(fall.error, fall.readyMs);
        onFall(fall, verdict);
        return verdict;
      },
      move: (from, to) => {
        if (this.#state === from) this.#enter(to());
      },
      whenFree: (work) => {
        if (this.#held) this.#held.push(work);
        else work();
      },
    };
    this.#state = starting(this.#machine);
  }

  get state(): PluginState {
    return this.#state.view;
  }

  /** What the next generation is made from. */
  get plan(): Plan {
    return this.#plan;
  }

  /** Whether it fell and has not been ready since. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** The generation that takes calls; undefined while it is worth waiting for. Throws why it is not. */
  serving(): Life | undefined {
    return this.#state.serving();
  }

  /** The generation that takes calls, as soon as there is one. Rejects with why there will be none, or the signal's reason. */
  async ready(signal?: AbortSignal): Promise<Life> {
    for (;;) {
      const life = this.serving();
      if (life) return life;
      await nextChange([this], signal);
    }
  }

  /** Calls back after every change of state, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Starts at once what has failed or is in back-off, and forgets its restarts so far. */
  restart(): void {
    if (this.#state.restart) this.#options.policy.reset();
    this.#state.restart?.();
  }

  /** Keeps back-off from ending in a restart until the result is disposed of. */
  holdRestarts(): Disposable {
    this.#held ??= [];
    return {
      [Symbol.dispose]: () => {
        const held = this.#held ?? [];
        this.#held = undefined;
        for (const work of held) work();
      },
    };
  }

  /** Begins the next generation, beside what serves. Throws when the plugin is being closed. */
  begin(plan: Plan, remains?: Promise<void>): Attempt<Life> {
    if (this.#closed) throw closedError();
    const generation = (this.#generation += 1);
    const { start } = this.#options;
    const attempt = beginAttempt(generation, async (signal) => {
      if (remains) await remains;
      signal.throwIfAborted();
      return start(plan, generation, signal);
    });
    this.#attempts.add(attempt);
    void attempt.ended.then(() => this.#attempts.delete(attempt));
    return attempt;
  }

  /**
   * New calls go to this generation from now on, and restarts are made from its plan. Answers the one that served until
   * now, which is the caller's to end. Throws, with nothing changed, when the plugin is being closed or the life is gone.
   */
  switchTo(attempt: Attempt<Life>, life: Life, plan: Plan): Attempt<Life> | undefined {
    if (this.#closed) throw closedError();
    life.gone.throwIfAborted();
    const { attempt: before } = this.#state;
    this.#plan = plan;
    this.#options.policy.reset();
    this.#enter(ready(this.#machine, attempt, life));
    return before;
  }

  /** Ends what runs, in order. Idempotent; resolves when nothing is left. */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close();
    // Again each time: a later `force` makes a difference.
    for (const attempt of this.#attempts) void attempt.stop(options);
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#attempts.size > 0) {
      this.#enter(draining(this.state.generation));
      await Promise.all([...this.#attempts].map(({ ended }) => ended));
    }
    this.#enter(closed(this.state.generation));
  }

  #enter(state: State<Life>): void {
    this.#state.leave?.();
    this.#state = state;
    const { name } = state.view;
    this.#isDown = name === 'backoff' || name === 'failed' || (name === 'starting' && this.#isDown);
    this.#options.onState(state.view);
    for (const listener of [...this.#listeners]) listener();
  }
}
