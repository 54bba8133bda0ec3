import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import type { Clock } from './clock.ts';
import { delay } from './waiting.ts';

const MAX_TRIES = 3;
const FIRST_PAUSE_MS = 40;
// What a try needs at least: one that cannot finish inside the call's time is not begun.
const MIN_TRY_MS = 20;

/** Failures after which the next try may find another node or a settled leader. */
export const CONNECTION_FAILURES: ReadonlySet<KeystoreErrorClass> = new Set(['unreachable', 'no-active-node']);

/** The same and, for what costs nothing when it was carried out after all, OpenBao's own failures. */
export const FAILURES_OF_FREE_REQUESTS: ReadonlySet<KeystoreErrorClass> = new Set([
  ...CONNECTION_FAILURES,
  'server-error',
]);

/** What a request may use for its tries. */
export interface RetryLimits {
  /** End of the call's time, on the clock. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** The failures that are worth another try. */
  readonly on: ReadonlySet<KeystoreErrorClass>;
}

/** The one retry layer. Changes to a key never come here. */
export async function withRetry<T>(
  clock: Clock,
  { deadline, signal, on }: RetryLimits,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + clock.random());
      const transient = error instanceof KeystoreError && on.has(error.class);
      if (!transient || tries === MAX_TRIES || clock.now() + pauseMs + MIN_TRY_MS > deadline) throw error;
      await delay(clock, pauseMs, signal);
    }
  }
}
