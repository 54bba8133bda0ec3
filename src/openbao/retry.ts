import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import type { Clock } from './clock.ts';
import { delay } from './waiting.ts';

const MAX_TRIES = 3;
const FIRST_PAUSE_MS = 40;
// What a try needs at least: one that cannot finish inside the call's time is not begun.
const MIN_TRY_MS = 20;

// Failures after which the next try may find another node or a settled leader.
const TRANSIENT: ReadonlySet<KeystoreErrorClass> = new Set(['unreachable', 'no-active-node']);

/**
 * The one retry layer, for requests that may be repeated freely: reads, encrypt, decrypt, rewrap (classes A and B).
 * Changes to a key never come here.
 *
 * @param deadline - End of the call's time, on the clock.
 */
export async function withRetry<T>(
  clock: Clock,
  { deadline, signal }: { readonly deadline: number; readonly signal: AbortSignal },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const pauseMs = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + clock.random());
      const transient = error instanceof KeystoreError && TRANSIENT.has(error.class);
      if (!transient || tries === MAX_TRIES || clock.now() + pauseMs + MIN_TRY_MS > deadline) throw error;
      await delay(clock, pauseMs, signal);
    }
  }
}
