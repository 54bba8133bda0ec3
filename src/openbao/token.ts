import { answerErrors, asObject, type Answer } from './answer.ts';
import type { Clock } from './clock.ts';

/** A token as a login or renewal left it. Times are on the clock, in milliseconds. */
export interface Token {
  readonly value: string;
  /** A name of the token that is good for finding and ending it, where OpenBao told it. */
  readonly accessor?: string | undefined;
  readonly renewable: boolean;
  /** Length of the lease; Infinity for a token that never ends. */
  readonly leaseMs: number;
  readonly expiresAt: number;
}

/** The `auth` object of a login answer, or undefined when the answer gives no token. */
export function readToken(answer: Answer, now: number): Token | undefined {
  const auth = asObject(answer.body?.auth);
  const value = auth?.client_token;
  const lease = readLease(auth);
  if (answer.status !== 200 || typeof value !== 'string' || value === '' || lease === undefined) return undefined;
  // Whole seconds: a login yields 0 for a token without an end, a renewal just before the maximum does too.
  const leaseMs = lease === 0 ? Infinity : lease;
  const accessor = readAccessor(auth?.accessor);
  return { value, accessor, renewable: auth?.renewable === true, leaseMs, expiresAt: now + leaseMs };
}

/** An accessor as OpenBao writes it, or undefined. */
export function readAccessor(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.]{1,128}$/.test(value) ? value : undefined;
}

/**
 * The token as a renewal leaves it. OpenBao answers some renewals that did nothing with success, so only a longer life
 * counts; undefined otherwise.
 */
export function renewedToken(token: Token, answer: Answer, now: number): Token | undefined {
  const auth = asObject(answer.body?.auth);
  const lease = readLease(auth);
  if (answer.status !== 200 || lease === undefined || now + lease <= token.expiresAt) return undefined;
  return { ...token, renewable: auth?.renewable === true, expiresAt: now + lease };
}

/** Whether an answer to a renewal that did not help says that another one will not either. */
export function endsRenewal(answer: Answer): boolean {
  if (answer.status === 500) return answerErrors(answer)?.some((text) => RENEWAL_REFUSED.test(text)) === true;
  return [200, 204, 400, 403].includes(answer.status);
}

// The maximum has passed, the role is gone, its policies or the certificate are others: OpenBao answers all of it with 500.
const RENEWAL_REFUSED = /past the max TTL|failed to renew entry|not renewing|during renewal/;

/** Whether an answer says that the token itself is dead, and not that a policy denies: OpenBao leaves the text bare. */
export function saysTokenIsDead(answer: Answer): boolean {
  return answer.status === 403 && answerErrors(answer)?.some((text) => !text.includes('error occurred')) === true;
}

// Renewals that yield less than this part of the full lease mean that the maximum is near.
const SHRINKING = 0.9;
// Below this part of the lease a renewal is no longer worth trying.
const LAST_PART = 0.2;

/** Whether the token should be replaced by a login rather than renewed. */
export function needsLogin(token: Token, now: number): boolean {
  const left = token.expiresAt - now;
  return !token.renewable || left < token.leaseMs * LAST_PART;
}

/** Whether a renewal brought so much less than a full lease that the token's maximum is near. */
export function isShrinking(token: Token, now: number): boolean {
  return token.expiresAt - now < token.leaseMs * SHRINKING;
}

/** When to look after the token: two thirds of what is left, ±10 %. Infinity for a token that never ends. */
export function careDelayMs(token: Token, clock: Clock): number {
  const left = token.expiresAt - clock.now();
  return Math.max(0, left * (2 / 3) * (0.9 + 0.2 * clock.random()));
}

const BACKOFF_FLOOR_MS = 1000;
const BACKOFF_MAX_MS = 30_000;

/** Pause after the n-th failure in a row (from 1): full jitter over 1 s doubling to 30 s, never below 1 s. */
export function careBackoffMs(failures: number, clock: Clock): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FLOOR_MS * 2 ** failures);
  return BACKOFF_FLOOR_MS + clock.random() * (ceiling - BACKOFF_FLOOR_MS);
}

function readLease(auth: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const seconds = auth?.lease_duration;
  // OpenBao counts in whole seconds; a server that hands out less would have the token replaced without pause.
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds) || seconds < 0) return undefined;
  return seconds * 1000;
}
