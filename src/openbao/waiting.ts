import type { Clock } from './clock.ts';
import { KeystoreError } from '../keystore/errors.ts';

/** Waits for work that others share: when the signal ends the waiting, the work goes on. */
export async function waitFor<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // Should nobody wait any more when it fails, that is no unhandled rejection.
  work.catch(() => undefined);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits for a time, or rejects with the signal's reason. */
export async function delay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.schedule(ms, () => {
    resolve(undefined);
  });
  try {
    await waitFor(promise, signal);
  } finally {
    cancel();
  }
}

/** A signal of its own for work that no single caller owns; `done` frees the timer. */
export function budget(clock: Clock, ms: number, what: string): { readonly signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const cancel = clock.schedule(ms, () => {
    controller.abort(new KeystoreError('deadline-exceeded', `${what} took too long`));
  });
  return { signal: controller.signal, done: cancel };
}
