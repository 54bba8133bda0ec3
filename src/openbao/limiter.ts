import { KeystoreError } from '../keystore/errors.ts';
import { waitFor } from './waiting.ts';

/** Lets a number of calls work at once and a number wait; one more is refused at once. */
export class Limiter {
  readonly #maxConcurrent: number;
  readonly #maxQueued: number;
  readonly #queue = new Set<() => void>();
  #running = 0;

  constructor(maxConcurrent: number, maxQueued: number) {
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
  }

  /**
   * @throws KeystoreError `overloaded` when the queue is full; the signal's reason when it ends the waiting.
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#maxConcurrent) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#queue.size >= this.#maxQueued) {
      throw new KeystoreError('overloaded', 'too many calls at once');
    }
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    this.#queue.add(wake);
    try {
      await waitFor(promise, signal);
    } catch (error) {
      // Either it still waits, or its turn came in the same moment and must be handed on.
      if (!this.#queue.delete(wake)) this.#release();
      throw error;
    }
  }

  // A turn passes on without the count changing.
  #release(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#queue.delete(next);
    next();
  }
}
