import { closedError } from './errors.ts';
import type { Running, StopOptions } from './generation.ts';

/** One generation from the decision to start it until nothing of it is left, however far it came. */
export interface Attempt<Life extends Running> {
  readonly generation: number;
  /** Rejects with why it did not start. */
  readonly started: Promise<Life>;
  /** Aborts when it is told to end, with the reason. */
  readonly stopping: AbortSignal;
  /** Resolves when nothing is left of it. */
  readonly ended: Promise<void>;
  /** Cancels the start, which then rejects with the reason, or ends the life. Never rejects; one stop for all callers. */
  stop(options?: StopOptions): Promise<void>;
  /** The same at once. */
  kill(reason: Error): Promise<void>;
}

/** Starts a generation. When the signal aborts it rejects with the signal's reason, once nothing is left of it. */
export type Start<Life extends Running> = (signal: AbortSignal) => Promise<Life>;

export function beginAttempt<Life extends Running>(generation: number, start: Start<Life>): Attempt<Life> {
  const cancel = new AbortController();
  const ended = Promise.withResolvers<undefined>();
  const started = start(cancel.signal);

  const end = (reason: Error, how: (life: Life) => Promise<void>): Promise<void> => {
    cancel.abort(reason);
    void started.then(how).then(
      () => ended.resolve(undefined),
      () => ended.resolve(undefined),
    );
    return ended.promise;
  };
  started.catch(() => ended.resolve(undefined));
  return {
    generation,
    started,
    stopping: cancel.signal,
    ended: ended.promise,
    stop: (options = {}) => end(options.reason ?? closedError(), (life) => life.stop(options)),
    kill: (reason) => end(reason, (life) => life.kill(reason)),
  };
}
