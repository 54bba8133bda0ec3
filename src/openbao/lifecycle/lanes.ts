import { KeystoreError } from '../../keystore/errors.ts';

/** How many changes of one key may wait for their turn, and how many in all. */
export const MAX_WAITING = 64;
export const MAX_WAITING_IN_ALL = 1024;

interface Waiter {
  readonly begin: () => void;
}

/**
 * One change at a time per key. Two writes to one key that overlap leave OpenBao's active node with a version that its
 * storage does not have, and what that version encrypts is lost with the next change of leader.
 */
export class Lanes {
  // A key is here as long as a change of it runs; those that wait stand behind it.
  readonly #lanes = new Map<string, Set<Waiter>>();
  #waiting = 0;

  /**
   * Runs a change when all earlier ones of the key have ended. When the signal ends the waiting, a change that has not
   * begun never begins, and one that has begun is carried through; the change must settle on its own.
   *
   * `release` is called once, when the change has ended or will never begin.
   *
   * @throws KeystoreError `overloaded` when too many wait; the signal's reason; what the change throws.
   */
  run<T>(
    key: string,
    signal: AbortSignal,
    change: () => Promise<T>,
    release: () => void = () => undefined,
  ): Promise<T> {
    const lane = this.#lanes.get(key);
    const tooMany = lane !== undefined && (lane.size >= MAX_WAITING || this.#waiting >= MAX_WAITING_IN_ALL);
    if (signal.aborted || tooMany) {
      release();
      const error = new KeystoreError('overloaded', 'too many changes at once');
      return Promise.reject(signal.aborted ? (signal.reason as Error) : error);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const onAbort = (): void => {
      reject(signal.reason as Error);
      // One that has begun goes on by itself.
      if (this.#leave(key, waiter)) release();
    };
    const waiter: Waiter = {
      begin: () => {
        const running = change();
        running.then(resolve, reject);
        const ended = (): void => {
          signal.removeEventListener('abort', onAbort);
          release();
          this.#next(key);
        };
        running.then(ended, ended);
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (lane === undefined) {
      this.#lanes.set(key, new Set());
      waiter.begin();
    } else {
      lane.add(waiter);
      this.#waiting += 1;
    }
    return promise;
  }

  /** Whether it was still waiting. */
  #leave(key: string, waiter: Waiter): boolean {
    const waited = this.#lanes.get(key)?.delete(waiter) ?? false;
    if (waited) this.#waiting -= 1;
    return waited;
  }

  #next(key: string): void {
    const [next] = this.#lanes.get(key) ?? [];
    if (next === undefined) {
      this.#lanes.delete(key);
      return;
    }
    this.#leave(key, next);
    next.begin();
  }
}
