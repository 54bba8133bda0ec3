import type { KeystoreError } from '../keystore/errors.ts';
import type { LoginMethod } from './auth/login-method.ts';
import type { Clock } from './clock.ts';

// Replicas that share a role must not come back together.
const JITTER = 0.1;

/**
 * Remembers that a credential was refused and keeps it from being sent again too soon: a refusal does not heal by
 * repetition, and for AppRole every repetition counts towards locking the role for everybody.
 */
export class LoginGate {
  readonly #rest: LoginMethod['rest'];
  readonly #clock: Clock;
  #refused: { readonly fingerprint: string; readonly error: KeystoreError; readonly until: number } | undefined;
  #restMs: number;

  constructor(rest: LoginMethod['rest'], clock: Clock) {
    this.#rest = rest;
    this.#clock = clock;
    this.#restMs = rest.firstMs;
  }

  /** The refusal that still stands against this credential, if any. */
  standing(fingerprint: string): KeystoreError | undefined {
    if (this.#refused === undefined || this.#clock.now() >= this.#refused.until) return undefined;
    return this.#rest.untilChanged && this.#refused.fingerprint !== fingerprint ? undefined : this.#refused.error;
  }

  refuse(fingerprint: string, error: KeystoreError): void {
    const restMs = this.#restMs * (1 + JITTER * this.#clock.random());
    this.#refused = { fingerprint, error, until: this.#clock.now() + restMs };
    this.#restMs = Math.min(this.#restMs * 2, this.#rest.maxMs);
  }

  open(): void {
    this.#refused = undefined;
    this.#restMs = this.#rest.firstMs;
  }
}
