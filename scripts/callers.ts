import { setImmediate } from 'node:timers/promises';

/** Callers that each make one call after the other. */
export interface Callers {
  readonly answered: number;
  /** What calls were rejected with. */
  readonly errors: readonly unknown[];
  /** Resolves when this many more calls have been answered. */
  answers(count: number): Promise<void>;
  /** Resolves when the calls in flight have ended. */
  stop(): Promise<void>;
}

/** A caller whose call is rejected makes the next one: that is its retry. */
export function startCallers(count: number, call: () => Promise<unknown>): Callers {
  let stopped = false;
  let answered = 0;
  const errors: unknown[] = [];
  const waiting = new Set<() => void>();
  const loop = async (): Promise<void> => {
    while (!stopped) {
      try {
        await call();
        answered += 1;
      } catch (error) {
        errors.push(error);
        // What is rejected without a plugin being asked would be so for ever, with nothing else in between.
        await setImmediate();
      }
      for (const look of waiting) look();
    }
  };
  const loops = Array.from({ length: count }, loop);
  return {
    get answered() {
      return answered;
    },
    errors,
    async answers(more) {
      const wanted = answered + more;
      const reached = Promise.withResolvers<undefined>();
      const look = (): void => {
        if (answered >= wanted) reached.resolve(undefined);
      };
      waiting.add(look);
      await reached.promise;
      waiting.delete(look);
    },
    async stop() {
      stopped = true;
      await Promise.all(loops);
    },
  };
}
