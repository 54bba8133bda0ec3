/** Time as the token's life sees it; tests put their own in its place. */
export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Calls back once after a delay. The timer does not keep the process alive; the result cancels it. */
  schedule(delayMs: number, callback: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

/** A longer timer of Node fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const slice = Math.min(leftMs, MAX_TIMER_MS);
      timer = setTimeout(() => (leftMs > slice ? wait(leftMs - slice) : callback()), slice);
      timer.unref();
    };
    wait(delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
  random: Math.random,
};
