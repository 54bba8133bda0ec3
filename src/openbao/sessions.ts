import { LRUCache } from 'lru-cache';

import type { Target } from './target.ts';
import { waitFor } from './waiting.ts';

/** What is kept per target. */
export interface Endable {
  quiesce(): void;
  /** Best effort until the signal aborts. */
  close(signal: AbortSignal): Promise<void>;
}

interface Entry<S> {
  readonly session: S;
  readonly credential: string;
  readonly ended: PromiseWithResolvers<undefined>;
  users: number;
  evicted: boolean;
}

/**
 * The live sessions, by target: the least recently used one leaves when there are too many, an idle one after its time.
 * A session that leaves ends after its last call and revokes its token.
 */
export class Sessions<S extends Endable> {
  readonly #open: (target: Target) => S;
  readonly #maxPerCredential: number;
  readonly #entries: LRUCache<string, Entry<S>>;
  // Those that left but are still in use, or being closed, belong here too.
  readonly #live = new Set<Entry<S>>();
  readonly #sweep: NodeJS.Timeout;
  #quiet = false;
  #closed = false;
  // Ends what is still under way when the sessions are closed with a limit.
  readonly #hardStop = new AbortController();

  constructor(options: {
    readonly max: number;
    /** How many sessions one credential may have: another one of it ends the least recently used one of its own. */
    readonly maxPerCredential: number;
    readonly idleMs: number;
    readonly open: (target: Target) => S;
  }) {
    this.#open = options.open;
    this.#maxPerCredential = options.maxPerCredential;
    this.#entries = new LRUCache({
      max: options.max,
      ttl: options.idleMs,
      updateAgeOnGet: true,
      dispose: (entry) => {
        entry.evicted = true;
        if (entry.users === 0) this.#end(entry);
      },
    });
    this.#sweep = setInterval(() => this.#entries.purgeStale(), Math.max(1000, options.idleMs / 4));
    this.#sweep.unref();
  }

  /** Runs work with the session of a target, opening it if need be; the session outlives the work. */
  async use<T>(target: Target, work: (session: S) => Promise<T>): Promise<T> {
    const entry = this.#entryOf(target);
    entry.users += 1;
    try {
      return await work(entry.session);
    } finally {
      entry.users -= 1;
      if (entry.evicted && entry.users === 0) this.#end(entry);
    }
  }

  /** The session of a target if there is one. */
  peek(target: Target): S | undefined {
    return this.#entries.peek(target.sessionKey)?.session;
  }

  /** Quiets every session, those to come included. */
  quiesce(): void {
    this.#quiet = true;
    for (const { session } of this.#entries.values()) session.quiesce();
  }

  /** Ends every session after its running calls; when the signal aborts, the waiting ends. */
  async close(signal: AbortSignal): Promise<void> {
    clearInterval(this.#sweep);
    const stop = (): void => {
      this.#hardStop.abort(signal.reason);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#closed = true;
    this.#entries.clear();
    try {
      await waitFor(Promise.all([...this.#live].map(({ ended }) => ended.promise)), signal);
    } catch {
      // Out of time: tokens end by themselves.
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #entryOf(target: Target): Entry<S> {
    let entry = this.#entries.get(target.sessionKey);
    if (entry === undefined) {
      const { credential } = target;
      this.#makeRoomFor(credential);
      entry = {
        session: this.#open(target),
        credential,
        ended: Promise.withResolvers(),
        users: 0,
        evicted: this.#closed,
      };
      if (this.#quiet) entry.session.quiesce();
      this.#live.add(entry);
      // A call that was waiting while the sessions were closed still gets its answer, from a session of its own.
      if (!this.#closed) this.#entries.set(target.sessionKey, entry);
    }
    return entry;
  }

  // So that one tenant, by naming ever new places, cannot evict the others.
  #makeRoomFor(credential: string): void {
    // Least recently used first.
    const own = [...this.#entries.rkeys()].filter((key) => this.#entries.peek(key)?.credential === credential);
    for (const key of own.slice(0, Math.max(0, own.length - this.#maxPerCredential + 1))) this.#entries.delete(key);
  }

  #end(entry: Entry<S>): void {
    const ended = (): void => {
      this.#live.delete(entry);
      entry.ended.resolve(undefined);
    };
    entry.session.close(this.#hardStop.signal).then(ended, ended);
  }
}
