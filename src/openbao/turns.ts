import { LRUCache } from 'lru-cache';

import { Limiter } from './limiter.ts';

export interface TurnsOptions {
  /** Calls at work at once, in all and of one credential. */
  readonly max: number;
  readonly maxPerCredential: number;
  /** Calls that may wait for each. */
  readonly maxQueued: number;
  /** Credentials that are remembered. */
  readonly maxCredentials: number;
}

/** Gives calls their turns: each credential has a share, whatever the number of places it names. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #all: Limiter;
  readonly #shares: LRUCache<string, Limiter>;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#all = new Limiter(options.max, options.maxQueued);
    this.#shares = new LRUCache({ max: options.maxCredentials });
  }

  /** See {@link Limiter.run}. */
  run<T>(credential: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    // The credential's own turn first, so that one whose server hangs does not take up the turns of all.
    return this.#shareOf(credential).run(signal, () => this.#all.run(signal, work));
  }

  #shareOf(credential: string): Limiter {
    let share = this.#shares.get(credential);
    if (share === undefined) {
      share = new Limiter(this.#options.maxPerCredential, this.#options.maxQueued);
      this.#shares.set(credential, share);
    }
    return share;
  }
}
