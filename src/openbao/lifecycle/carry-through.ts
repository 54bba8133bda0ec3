import { KeystoreError, type KeystoreErrorClass } from '../../keystore/errors.ts';
import type { KeystoreCall } from '../../keystore/call.ts';
import type { Logger } from '../../logging/logger.ts';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import { toKeystoreError } from '../errors.ts';
import { budget, delay } from '../waiting.ts';

/** What came of a change. */
export interface Outcome {
  /** The first clear answer: a success, or a refusal. */
  readonly answer: Answer;
  /** An earlier try had no clear outcome, so the answer may speak of a change that it made. */
  readonly mayBeEarlier: boolean;
}

export interface CarryThroughOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** For the log. */
  readonly keyId: string;
  /** The caller's signal and time end what has not begun, and nothing else. */
  readonly call: Pick<KeystoreCall, 'signal' | 'deadline'>;
  /** One try, under a signal of the change: the caller's would cut the wire. */
  readonly write: (signal: AbortSignal) => Promise<Answer>;
  /**
   * For a write that must not overlap its own repetition: asked some time after a try without a clear outcome, and before
   * each repetition, whether that try has made the change. Rejects when nobody can tell yet.
   */
  readonly isMade?: () => Promise<boolean>;
}

/** Longer than OpenBao works at any request: what is cut off on our side leaves its memory ahead of its storage. */
const WRITE_TIME_MS = 100_000;
/** How long a change without a clear outcome is repeated. */
const REPAIR_TIME_MS = 60_000;
/** Longer than a request that broke off may still be on its way. */
const SETTLE_MS = 5000;
/** The longest pause that a server may ask for. */
const MAX_ASKED_PAUSE_MS = 5000;
/** How often a connection is tried as long as nothing was sent. */
const MAX_CONNECTION_TRIES = 3;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1000;
const MIN_TRY_MS = 20;

/**
 * Writes until OpenBao's answer is clear. A write that may be half done is repeated, since the repetition is what makes
 * memory and storage agree again; one that was certainly not carried out is repeated while the caller waits. Only for
 * writes whose repetition does no harm.
 *
 * @throws KeystoreError `key-state-diverged` when the outcome stays unclear; the failure itself, or the caller's reason,
 * when nothing was carried out.
 */
export async function carryThrough(options: CarryThroughOptions): Promise<Outcome> {
  const { call, clock, isMade, keyId, log, write } = options;
  const giveUpAt = clock.now() + REPAIR_TIME_MS;
  let mayBeEarlier = false;
  for (let tries = 1; ; tries += 1) {
    if (!mayBeEarlier) call.signal.throwIfAborted();
    const result = await tryOnce(clock, write);
    if (result.kind === 'clear') return { answer: result.answer, mayBeEarlier };
    const { error, kind } = result;
    if (kind === 'unclear' && !mayBeEarlier) {
      mayBeEarlier = true;
      log.warn({ key_id: keyId, class: error.class }, 'a change of a key has no clear outcome and is repeated');
    }
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)) * (0.5 + clock.random());
    if (!mayBeEarlier) {
      const tooLate = clock.now() + pauseMs + MIN_TRY_MS > call.deadline;
      if (kind === 'refused' || tooLate || (error.class === 'unreachable' && tries >= MAX_CONNECTION_TRIES))
        throw error;
      await delay(clock, pauseMs, call.signal);
    } else {
      if (clock.now() >= giveUpAt) {
        log.error({ key_id: keyId, class: error.class, tries }, 'a change of a key could not be repaired');
        throw unclear(error);
      }
      const asked = Math.min(error.details.retryAfterMs ?? 0, MAX_ASKED_PAUSE_MS);
      await delay(clock, Math.max(pauseMs, asked), NEVER);
      if (isMade !== undefined && (await wasMade(clock, isMade, giveUpAt))) return { answer: MADE, mayBeEarlier };
    }
  }
}

const NEVER = new AbortController().signal;
const MADE: Answer = { status: 204, body: undefined, foreignBody: false };

async function wasMade(clock: Clock, isMade: () => Promise<boolean>, giveUpAt: number): Promise<boolean> {
  for (;;) {
    await delay(clock, SETTLE_MS, NEVER);
    try {
      return await isMade();
    } catch (error) {
      // Without knowing it must not be repeated.
      if (clock.now() >= giveUpAt) throw unclear(error);
    }
  }
}

function unclear(error: unknown): KeystoreError {
  const details = error instanceof KeystoreError ? error.details : {};
  return new KeystoreError('key-state-diverged', 'the outcome of a change is unclear', details);
}

type Try =
  | { readonly kind: 'clear'; readonly answer: Answer }
  /**
   * `unclear`: it may be half done. `not-done`: it was not carried out, and that passes by itself. `refused`: it was not
   * carried out, and that may last; after an unclear try it is waited for all the same.
   */
  | { readonly kind: 'unclear' | 'not-done' | 'refused'; readonly error: KeystoreError };

async function tryOnce(clock: Clock, write: (signal: AbortSignal) => Promise<Answer>): Promise<Try> {
  const time = budget(clock, WRITE_TIME_MS, 'the change');
  try {
    return judge(await write(time.signal));
  } catch (error) {
    if (!(error instanceof KeystoreError)) throw error;
    if (NEVER_SENT.has(error.details.cause ?? '')) return { kind: 'not-done', error };
    if (CUT_OFF.has(error.class)) return { kind: 'unclear', error };
    return { kind: 'refused', error };
  } finally {
    time.done();
  }
}

function judge(answer: Answer): Try {
  if (answer.status < 300) return { kind: 'clear', answer };
  const error = toKeystoreError(answer);
  if (UNCLEAR.has(error.class) || isFromBetween(error)) return { kind: 'unclear', error };
  if (PASSING.has(error.class)) return { kind: 'refused', error };
  return { kind: 'clear', answer };
}

// Something between us and OpenBao gave up in words of its own, and OpenBao may have carried the request out.
function isFromBetween({ class: errorClass, details }: KeystoreError): boolean {
  const { httpStatus = 0 } = details;
  return errorClass === 'not-an-openbao-answer' && (httpStatus >= 500 || httpStatus === 408);
}

/**
 * The connection broke, or our patience ended, with the request under way. A node that says that it is not the active one
 * may have been it when the request came: its memory then keeps what it could no longer store.
 */
const CUT_OFF: ReadonlySet<KeystoreErrorClass> = new Set([
  'unreachable',
  'deadline-exceeded',
  'malformed-answer',
  'no-active-node',
]);
/** A failure inside OpenBao, a lost race, lost leadership, a gateway that gave up. */
const UNCLEAR: ReadonlySet<KeystoreErrorClass> = new Set(['server-error', 'no-active-node', 'unreachable']);
const PASSING: ReadonlySet<KeystoreErrorClass> = new Set(['sealed', 'namespace-sealed', 'rate-limited']);
/** The request was carried out by nobody: there was no connection. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
