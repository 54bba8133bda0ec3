import { KeystoreError } from '../../keystore/errors.ts';
import { waitFor } from '../waiting.ts';

/** How many changes of one key may wait for their turn. */
export const MAX_WAITING = 64;

interface Lane {
  /** Settles, and never rejects, when the last change that was put in has ended. */
  tail: Promise<unknown>;
  waiting: number;
}

/**
 * One change at a time per key. Two writes to one key that overlap leave OpenBao's active node with a version that its
 * storage does not have, and what that version encrypts is lost with the next change of leader.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /**
   * Runs a change when all earlier ones of the key have ended. When the signal ends the waiting, a change that has not
   * begun never begins, and one that has begun is carried through; the change must settle on its own.
   *
   * `release` is called once, when the change has ended or will never begin.
   *
   * @throws KeystoreError `overloaded` when too many wait; the signal's reason; what the change throws.
   */
  async run<T>(
    key: string,
    signal: AbortSignal,
    change: () => Promise<T>,
    release: () => void = () => undefined,
  ): Promise<T> {
    const lane = this.#lanes.get(key) ?? { tail: Promise.resolve(), waiting: 0 };
    if (signal.aborted || lane.waiting >= MAX_WAITING) {
      release();
      signal.throwIfAborted();
      throw new KeystoreError('overloaded', 'too many changes of one key at once');
    }
    this.#lanes.set(key, lane);
    lane.waiting += 1;
    const turn = lane.tail.then(() => {
      signal.throwIfAborted();
      return change();
    });
    const ended = (): void => {
      release();
      lane.waiting -= 1;
      if (lane.waiting === 0) this.#lanes.delete(key);
    };
    lane.tail = turn.then(ended, ended);
    return waitFor(turn, signal);
  }
}
