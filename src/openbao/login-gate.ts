import type { KeystoreError } from '../keystore/errors.ts';
import type { Rest } from './auth/login-method.ts';
import type { Clock } from './clock.ts';

// Replicas that share a role must not come back together.
const JITTER = 0.1;

/**
 * Remembers that a credential was refused and keeps it from being sent again too soon: a refusal does not heal by
 * repetition, and for AppRole every repetition counts towards locking the role for everybody.
 */
export class LoginGate {
  readonly #rest: Rest;
  readonly #clock: Clock;
  #refused: { readonly fingerprint: string; readonly error: KeystoreError; readonly until: number } | undefined;
  #refusals = 0;
  #firstRefusedAt = 0;

  constructor(rest: Rest, clock: Clock) {
    this.#rest = rest;
    this.#clock = clock;
  }

  /** The refusal that still stands against this credential, if any. */
  standing(fingerprint: string): KeystoreError | undefined {
    if (this.#refused === undefined || this.#clock.now() >= this.#refused.until) return undefined;
    return this.#rest.untilChanged && this.#refused.fingerprint !== fingerprint ? undefined : this.#refused.error;
  }

  /** `restMs` where this refusal says nothing of the credential and has a rest of its own. */
  refuse(fingerprint: string, error: KeystoreError, restMs?: number): void {
    if (this.#rest.untilChanged && this.#refused?.fingerprint !== fingerprint) this.#refusals = 0;
    if (this.#refusals === 0) this.#firstRefusedAt = this.#clock.now();
    if (restMs === undefined) this.#refusals += 1;
    // A credential that was refused before rests as long as it did for that: it still counts when it is heard again.
    const pauseMs = Math.max(restMs ?? 0, this.#pauseMs()) * (1 + JITTER * this.#clock.random());
    this.#refused = { fingerprint, error, until: this.#clock.now() + pauseMs };
  }

  open(): void {
    this.#refused = undefined;
    this.#refusals = 0;
  }

  #pauseMs(): number {
    const { doublingMs = Infinity, firstMs, maxMs } = this.#rest;
    if (this.#refusals === 0) return 0;
    const isOld = this.#clock.now() - this.#firstRefusedAt >= doublingMs;
    return isOld ? maxMs : Math.min(firstMs * 2 ** (this.#refusals - 1), maxMs);
  }
}
