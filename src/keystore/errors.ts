/** Every way in which a keystore call can fail. `src/rpc/error-table.ts` says what each one means to a caller. */
export type KeystoreErrorClass =
  | 'not-configured'
  | 'unsupported'
  | 'invalid-request'
  | 'invalid-ciphertext'
  | 'invalid-access-data'
  | 'address-not-allowed'
  | 'login-refused'
  | 'login-locked-out'
  | 'credential-unreadable'
  | 'secret-unwrap-failed'
  | 'not-an-openbao-answer'
  | 'permission-denied'
  | 'key-not-found'
  | 'key-exists'
  | 'key-pending-import'
  | 'key-not-importable'
  | 'import-under-way'
  | 'key-material-rejected'
  | 'import-parameters-rejected'
  | 'deletion-not-allowed'
  | 'key-state-diverged'
  | 'keystore-not-found'
  | 'keystore-not-empty'
  | 'mount-not-found'
  | 'namespace-not-found'
  | 'key-unusable'
  | 'key-disabled'
  | 'key-version-retired'
  | 'key-version-unknown'
  | 'integrity-failure'
  | 'rate-limited'
  | 'overloaded'
  | 'unreachable'
  | 'tls-failure'
  | 'server-error'
  | 'sealed'
  | 'namespace-sealed'
  | 'no-active-node'
  | 'deadline-exceeded'
  | 'cancelled'
  | 'stopping'
  | 'malformed-answer'
  | 'internal';

/** What may be said beside the class. Every member is safe to log and to show: names and numbers, never values. */
export interface KeystoreErrorDetails {
  /** The policy path and capability that the call needed, for example `transit/encrypt/k1` and `update`. */
  readonly policyPath?: string;
  readonly capability?: string;
  /** HTTP status of OpenBao's answer. */
  readonly httpStatus?: number;
  /** `request_id` of OpenBao's answer: the join key to its audit log. */
  readonly openbaoRequestId?: string;
  /** Names of fields that are missing or wrong. */
  readonly fields?: readonly string[];
  /** Whether fields are absent or cannot be used. */
  readonly accessDataReason?: 'MISSING_FIELDS' | 'CANNOT_PARSE_DATA';
  /** When a repetition may succeed, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** Where a value was looked for that cannot be had: for the log, never for an answer. */
  readonly source?: string;
  /** System or TLS error code, for example `ECONNREFUSED`. */
  readonly cause?: string;
}

/**
 * The one error of the domain. The message is written by us and safe to show; whatever came from OpenBao or from a
 * library was read, classified and dropped before this was thrown.
 */
export class KeystoreError extends Error {
  readonly class: KeystoreErrorClass;
  readonly details: KeystoreErrorDetails;

  constructor(errorClass: KeystoreErrorClass, message: string, details: KeystoreErrorDetails = {}) {
    super(message);
    this.name = 'KeystoreError';
    this.class = errorClass;
    this.details = details;
  }
}
