import { KeystoreError, type KeystoreErrorClass, type KeystoreErrorDetails } from '../keystore/errors.ts';
import { type Answer, answerErrors, answerRequestId } from './answer.ts';

/** The policy line that a request needs: the remedy of a denial. */
export interface RequestContext {
  readonly policyPath?: string;
  readonly capability?: string;
}

const NO_ACTIVE_NODE = 'OpenBao has no active node';
const BAD_MATERIAL = 'the key material cannot be unwrapped';
const NOT_TRANSIT = 'the mount is no Transit mount';

interface Rule {
  readonly statuses: readonly number[];
  readonly text: RegExp;
  readonly class: KeystoreErrorClass;
  readonly message: string;
}

// OpenBao's texts (2.6.2 and 2.7.2), text first and status second: a 500 is often a caller's mistake in Transit, and
// one wrapped message is as good as a bare one.
const RULES: readonly Rule[] = [
  rule([400], /encryption key not found/, 'key-not-found', 'the key does not exist'),
  rule([400, 500], /refusing to use soft-deleted key/, 'key-disabled', 'the key is disabled'),
  rule([400], /version is disallowed by policy \(too old\)/, 'key-version-retired', 'the key version is retired'),
  rule([400], /less than the minimum encryption key version/, 'key-version-retired', 'the key version is retired'),
  rule([400], /version is too new/, 'key-version-unknown', 'the key version is unknown'),
  rule([400], /no such key version/, 'key-version-unknown', 'the key version is unknown'),
  rule([400], /higher than the latest key version/, 'key-version-unknown', 'the key version is unknown'),
  rule([400], /message authentication failed/, 'integrity-failure', 'the ciphertext cannot be decrypted'),
  rule([400], /invalid ciphertext length/, 'integrity-failure', 'the ciphertext cannot be decrypted'),
  rule([400], /could not decode base64/, 'integrity-failure', 'the ciphertext cannot be decrypted'),
  rule([500], /failed to RSA decrypt/, 'integrity-failure', 'the ciphertext cannot be decrypted'),
  rule([400], /^invalid ciphertext/, 'invalid-ciphertext', 'the ciphertext is malformed'),
  rule([400], /missing 'context' for key derivation/, 'key-unusable', 'the key is a derived key'),
  rule([400], /message (en|de)cryption not supported/, 'key-unusable', 'the key cannot encrypt and decrypt'),
  rule([500], /does not have a private counterpart/, 'key-unusable', 'the key cannot decrypt'),
  rule([500], /external key not found or no factory/, 'key-unusable', 'the key cannot do this'),
  rule([400], /provided for non-AEAD cipher suite/, 'invalid-request', 'the key takes no associated data'),
  rule([500], /failed to RSA encrypt/, 'invalid-request', 'the plaintext is too long for the key'),
  rule([400], /could not delete key; not found/, 'key-not-found', 'the key does not exist'),
  rule([400], /no existing key named/, 'key-not-found', 'the key does not exist'),
  rule([400], /deletion is not allowed for this key/, 'deletion-not-allowed', 'the key may not be deleted'),
  rule([500], /import path cannot be used with an existing key/, 'key-exists', 'a key of this name exists'),
  rule([500], /provided ciphertext is too short|expected ephemeral AES key/, 'key-material-rejected', BAD_MATERIAL),
  rule([500], /crypto\/rsa: decryption error|kwp: |illegal base64 data/, 'key-material-rejected', BAD_MATERIAL),
  rule([500], /error importing key: /, 'key-material-rejected', BAD_MATERIAL),
  rule([404], /no handler for route/, 'mount-not-found', 'the mount does not exist'),
  rule([404], /namespace not found/, 'namespace-not-found', 'the namespace does not exist'),
  rule([404], /unsupported path/, 'mount-not-found', NOT_TRANSIT),
  rule([405], /unsupported operation/, 'mount-not-found', NOT_TRANSIT),
  rule([503], /namespace is sealed/, 'namespace-sealed', 'the namespace is sealed'),
  rule([503], /API access to this namespace has been locked/, 'namespace-sealed', 'the namespace is locked'),
  rule([503], /Vault is sealed/, 'sealed', 'OpenBao is sealed'),
  rule(
    [500, 503],
    /no active Vault instance|local node not active|node is not active/,
    'no-active-node',
    NO_ACTIVE_NODE,
  ),
  rule([500], /active context canceled|leadership lost/, 'no-active-node', NO_ACTIVE_NODE),
];

function rule(statuses: readonly number[], text: RegExp, errorClass: KeystoreErrorClass, message: string): Rule {
  return { statuses, text, class: errorClass, message };
}

const BY_STATUS: Readonly<Partial<Record<number, readonly [KeystoreErrorClass, string]>>> = {
  307: ['no-active-node', NO_ACTIVE_NODE],
  308: ['no-active-node', NO_ACTIVE_NODE],
  413: ['invalid-request', 'the request is too large for OpenBao'],
  429: ['rate-limited', 'OpenBao limits the rate of requests'],
  472: ['no-active-node', NO_ACTIVE_NODE],
  473: ['no-active-node', NO_ACTIVE_NODE],
  502: ['unreachable', 'a gateway could not reach OpenBao'],
  503: ['unreachable', 'OpenBao is not available'],
  504: ['unreachable', 'a gateway could not reach OpenBao'],
};

/**
 * Reads a failed answer of OpenBao. The texts are compared and dropped: no server text ever travels further.
 *
 * A 403 is `permission-denied` here; whether the token is dead instead is the session's question.
 */
export function toKeystoreError(answer: Answer, context: RequestContext = {}): KeystoreError {
  const errors = answerErrors(answer);
  const requestId = answerRequestId(answer);
  const details: KeystoreErrorDetails = {
    httpStatus: answer.status,
    ...(requestId === undefined ? {} : { openbaoRequestId: requestId }),
    ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }),
  };
  const matched =
    errors && RULES.find((row) => row.statuses.includes(answer.status) && errors.some((text) => row.text.test(text)));
  if (matched) return new KeystoreError(matched.class, matched.message, details);
  if (errors && answer.status === 403)
    return new KeystoreError('permission-denied', 'OpenBao denies the request', { ...details, ...context });
  const known = BY_STATUS[answer.status];
  if (known) return new KeystoreError(known[0], known[1], details);
  if (isEmptySuccess(answer)) return notTransit(details);
  const shapeless = errors === undefined && answer.status >= 300 && answer.status < 500;
  if (answer.foreignBody || shapeless)
    return new KeystoreError('not-an-openbao-answer', 'the answer does not come from OpenBao', details);
  if (answer.status >= 500) return new KeystoreError('server-error', 'OpenBao failed to answer', details);
  if (answer.status >= 400) return new KeystoreError('invalid-request', 'OpenBao refused the request', details);
  return malformedAnswer(details);
}

// KV version 2 answers paths that it does not know with 404 and the envelope of a success.
function isEmptySuccess(answer: Answer): boolean {
  return answer.status === 404 && answerErrors(answer) === undefined && answerRequestId(answer) !== undefined;
}

/** The mount is there and of another kind. */
export function notTransit(details: KeystoreErrorDetails = {}): KeystoreError {
  return new KeystoreError('mount-not-found', NOT_TRANSIT, details);
}

/** Whether a write came to nothing because another one was quicker: it may be repeated at once. */
export function isLostRace(answer: Answer): boolean {
  const texts = answer.status === 500 ? answerErrors(answer) : undefined;
  return texts?.some((text) => /transaction commit failed|gets had different structure/.test(text)) ?? false;
}

/** OpenBao answered success with a body of another shape than documented. */
export function malformedAnswer(details: KeystoreErrorDetails = {}): KeystoreError {
  return new KeystoreError('malformed-answer', 'the answer of OpenBao has an unexpected shape', details);
}

/** Whether an answer says "there is nothing here": a read of a missing key, in OpenBao's words. */
export function isNothingHere(answer: Answer): boolean {
  return answer.status === 404 && answerErrors(answer)?.length === 0;
}

/**
 * Whether a 403 speaks of the policy (the token is alive) and not of the token. OpenBao wraps the first and leaves the
 * second bare; of a mount on which the token has no rights it speaks in words of its own.
 */
export function isWrappedDenial(answer: Answer): boolean {
  return answer.status === 403 && (answerErrors(answer)?.some((text) => POLICY_DENIES.test(text)) ?? false);
}

const POLICY_DENIES = /error occurred|preflight capability check/;
