/** Time as supervision sees it; tests put their own in its place. */
export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Calls back once after a delay. The result takes it back. */
  schedule(delayMs: number, callback: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

/** Its timers keep the process alive: while a plugin waits for its restart nothing else may. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
  random: Math.random,
};
