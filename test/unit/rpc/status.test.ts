import { status } from '@grpc/grpc-js';

import { ErrorInfo, RetryInfo } from '../../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../../proto/gen/google/rpc/status.ts';
import { KeystoreError, type KeystoreErrorClass, type KeystoreErrorDetails } from '../../../src/keystore/errors.ts';
import { ERROR_TABLE, type RetryAdvice } from '../../../src/rpc/error-table.ts';
import { type Face, toStatus } from '../../../src/rpc/status.ts';

const FACES: readonly Face[] = ['crypto', 'operations', 'read'];
const OWN_TEXT = 'words of our own';

type Answer = readonly [code: status, message: string];
const { INVALID_ARGUMENT, NOT_FOUND, UNKNOWN, FAILED_PRECONDITION, UNAVAILABLE, INTERNAL } = status;

// What CMK compares letter by letter (openkcm plugin-sdk v0.14.0, pkg/plugin/keystore/errors), written out again here.
const AUTHENTICATION: Answer = [INVALID_ARGUMENT, 'failed to authenticate with the keystore provider'];
const KEY_NOT_FOUND: Answer = [NOT_FOUND, 'key not found in the keystore provider'];
const GET_KEY: Answer = [UNKNOWN, 'failed to get key'];
const KEY_MATERIAL: Answer = [
  INVALID_ARGUMENT,
  'key material decryption failed: invalid or incorrectly wrapped key material',
];
const ACCESS_DATA: Answer = [INVALID_ARGUMENT, 'invalid key access data'];

interface Row {
  readonly crypto: Answer;
  /** Where it differs from the column before. */
  readonly operations?: Answer;
  readonly read?: Answer;
  readonly reason: string;
  readonly retry: RetryAdvice;
  readonly delayMs?: number;
  readonly detail?: string;
}

const EXPECTED: Readonly<Record<KeystoreErrorClass, Row>> = {
  'not-configured': {
    crypto: [FAILED_PRECONDITION, 'the plugin is not configured'],
    reason: 'NOT_CONFIGURED',
    retry: 'after-change',
  },
  unsupported: {
    crypto: [FAILED_PRECONDITION, 'this keystore does not offer the operation'],
    reason: 'UNSUPPORTED',
    retry: 'never',
  },
  'invalid-request': { crypto: [INVALID_ARGUMENT, OWN_TEXT], reason: 'INVALID_REQUEST', retry: 'never' },
  'invalid-ciphertext': {
    crypto: [INVALID_ARGUMENT, 'the ciphertext is malformed'],
    reason: 'INVALID_CIPHERTEXT',
    retry: 'never',
  },
  'invalid-access-data': { crypto: ACCESS_DATA, reason: 'CANNOT_PARSE_DATA', retry: 'after-change' },
  'address-not-allowed': {
    crypto: ACCESS_DATA,
    reason: 'CANNOT_PARSE_DATA',
    retry: 'after-change',
    detail: 'NOT_ALLOWED',
  },
  'login-refused': {
    crypto: [status.UNAUTHENTICATED, 'failed to authenticate with the keystore provider'],
    operations: AUTHENTICATION,
    reason: 'LOGIN_REFUSED',
    retry: 'after-change',
  },
  'login-locked-out': {
    crypto: [UNAVAILABLE, 'the keystore denies every login of the role'],
    reason: 'LOGIN_LOCKED_OUT',
    retry: 'later',
  },
  'credential-unreadable': {
    crypto: [UNAVAILABLE, 'the credential of the plugin cannot be read'],
    reason: 'CREDENTIAL_UNREADABLE',
    retry: 'after-change',
  },
  'secret-unwrap-failed': {
    crypto: [UNAVAILABLE, 'the wrapped credential of the plugin cannot be unwrapped'],
    reason: 'SECRET_UNWRAP_FAILED',
    retry: 'after-change',
  },
  'not-an-openbao-answer': {
    crypto: [UNAVAILABLE, 'the answer does not come from the keystore provider'],
    reason: 'NOT_AN_OPENBAO_ANSWER',
    retry: 'later',
  },
  'permission-denied': {
    crypto: [status.PERMISSION_DENIED, 'the keystore provider denies the operation'],
    operations: AUTHENTICATION,
    reason: 'DENIED_BY_POLICY',
    retry: 'after-change',
  },
  'key-not-found': { crypto: KEY_NOT_FOUND, reason: 'KEY_NOT_FOUND', retry: 'after-change' },
  'key-exists': {
    crypto: [status.ALREADY_EXISTS, 'a key of this name exists and is of another kind'],
    reason: 'KEY_EXISTS',
    retry: 'never',
  },
  'key-pending-import': {
    crypto: [FAILED_PRECONDITION, 'the key material was not imported yet'],
    read: GET_KEY,
    reason: 'KEY_PENDING_IMPORT',
    retry: 'after-change',
  },
  'key-not-importable': {
    crypto: [FAILED_PRECONDITION, 'the key has key material already'],
    reason: 'KEY_NOT_IMPORTABLE',
    retry: 'never',
  },
  'import-under-way': {
    crypto: [FAILED_PRECONDITION, 'another import of the key is under way'],
    reason: 'IMPORT_UNDER_WAY',
    retry: 'later',
  },
  'key-material-rejected': { crypto: KEY_MATERIAL, reason: 'KEY_MATERIAL_REJECTED', retry: 'after-change' },
  'import-parameters-rejected': {
    crypto: [INVALID_ARGUMENT, OWN_TEXT],
    reason: 'IMPORT_PARAMETERS_REJECTED',
    retry: 'after-change',
  },
  'deletion-not-allowed': {
    crypto: [FAILED_PRECONDITION, 'the key may not be deleted'],
    reason: 'DELETION_NOT_ALLOWED',
    retry: 'after-change',
  },
  'key-state-diverged': {
    crypto: [UNAVAILABLE, 'the state of the key is unclear'],
    reason: 'KEY_STATE_DIVERGED',
    retry: 'later',
  },
  'keystore-not-found': {
    crypto: [NOT_FOUND, 'the keystore does not exist'],
    reason: 'KEYSTORE_NOT_FOUND',
    retry: 'never',
  },
  'keystore-not-empty': {
    crypto: [FAILED_PRECONDITION, 'the keystore still has keys'],
    reason: 'KEYSTORE_NOT_EMPTY',
    retry: 'after-change',
  },
  'mount-not-found': {
    crypto: [FAILED_PRECONDITION, 'the Transit mount does not exist'],
    read: GET_KEY,
    reason: 'MOUNT_NOT_FOUND',
    retry: 'after-change',
  },
  'namespace-not-found': {
    crypto: [FAILED_PRECONDITION, 'the namespace does not exist'],
    read: GET_KEY,
    reason: 'NAMESPACE_NOT_FOUND',
    retry: 'after-change',
  },
  'key-unusable': {
    crypto: [FAILED_PRECONDITION, 'the key is of a kind that cannot serve as L1 key'],
    read: GET_KEY,
    reason: 'KEY_UNUSABLE',
    retry: 'never',
  },
  'key-disabled': {
    crypto: [FAILED_PRECONDITION, 'the key is disabled'],
    reason: 'KEY_DISABLED',
    retry: 'after-change',
  },
  'key-version-retired': {
    crypto: [FAILED_PRECONDITION, 'the key version is retired'],
    reason: 'KEY_VERSION_RETIRED',
    retry: 'after-change',
  },
  'key-version-unknown': {
    crypto: [FAILED_PRECONDITION, 'the key version is unknown'],
    reason: 'KEY_VERSION_UNKNOWN',
    retry: 'later',
  },
  'integrity-failure': {
    crypto: [INVALID_ARGUMENT, 'the ciphertext cannot be decrypted'],
    reason: 'INTEGRITY_FAILURE',
    retry: 'never',
  },
  'rate-limited': {
    crypto: [status.RESOURCE_EXHAUSTED, 'the keystore provider limits the rate of requests'],
    reason: 'RATE_LIMITED',
    retry: 'later',
    delayMs: 1000,
  },
  overloaded: {
    crypto: [status.RESOURCE_EXHAUSTED, 'too many calls at once'],
    reason: 'OVERLOADED',
    retry: 'later',
    delayMs: 100,
  },
  unreachable: {
    crypto: [UNAVAILABLE, 'the keystore provider cannot be reached'],
    reason: 'UNREACHABLE',
    retry: 'later',
  },
  'tls-failure': {
    crypto: [UNAVAILABLE, 'no secure connection to the keystore provider'],
    reason: 'TLS_FAILURE',
    retry: 'after-change',
  },
  'server-error': {
    crypto: [UNAVAILABLE, 'the keystore provider failed to answer'],
    reason: 'SERVER_ERROR',
    retry: 'later',
  },
  sealed: { crypto: [UNAVAILABLE, 'the keystore provider is sealed'], reason: 'SEALED', retry: 'later' },
  'namespace-sealed': {
    crypto: [UNAVAILABLE, 'the namespace of the keystore provider is sealed or locked'],
    reason: 'NAMESPACE_SEALED',
    retry: 'later',
  },
  'no-active-node': {
    crypto: [UNAVAILABLE, 'the keystore provider has no active node'],
    reason: 'NO_ACTIVE_NODE',
    retry: 'now',
  },
  'deadline-exceeded': {
    crypto: [status.DEADLINE_EXCEEDED, 'the call took too long'],
    reason: 'DEADLINE_EXCEEDED',
    retry: 'later',
  },
  cancelled: { crypto: [status.CANCELLED, 'the call was cancelled'], reason: 'CANCELLED', retry: 'never' },
  stopping: { crypto: [UNAVAILABLE, 'the plugin is stopping'], reason: 'STOPPING', retry: 'later' },
  'malformed-answer': {
    crypto: [INTERNAL, 'the keystore provider gave an unexpected answer'],
    reason: 'MALFORMED_ANSWER',
    retry: 'later',
  },
  internal: { crypto: [INTERNAL, 'internal error'], reason: 'INTERNAL', retry: 'later' },
};

const ROWS = Object.entries(EXPECTED) as [KeystoreErrorClass, Row][];
const CASES = ROWS.flatMap(([errorClass, row]) => FACES.map((face) => [errorClass, face, row] as const));

function answerOf({ crypto, operations, read }: Row, face: Face): Answer {
  if (face === 'read') return read ?? operations ?? crypto;
  return face === 'operations' ? (operations ?? crypto) : crypto;
}

const error = (errorClass: KeystoreErrorClass, details?: KeystoreErrorDetails): KeystoreError =>
  new KeystoreError(errorClass, OWN_TEXT, details);

/** The trailer `grpc-status-details-bin`, decoded by the generated code alone. */
function detailsOf(answer: ReturnType<typeof toStatus>) {
  const [bytes, ...others] = answer.metadata?.get('grpc-status-details-bin') ?? [];
  expect(others).toEqual([]);
  const { code, message, details } = Status.decode(bytes as Buffer);
  const of = (type: string): Buffer | undefined =>
    details.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${type}`)?.value;
  const [info, retry] = [of('ErrorInfo'), of('RetryInfo')];
  return {
    code,
    message,
    count: details.length,
    info: info && ErrorInfo.decode(info),
    retryDelay: retry && RetryInfo.decode(retry).retryDelay,
  };
}

describe('R-ERR-01 R-ERR-02 R-ERR-03 the answer of every class on every face', () => {
  it('the table has exactly these classes', () => {
    expect(Object.keys(ERROR_TABLE).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(CASES)('%s on the %s face', (errorClass, face, row) => {
    const [code, message] = answerOf(row, face);
    const answer = toStatus(error(errorClass), face);
    expect([answer.code, answer.details]).toEqual([code, message]);
    const details = detailsOf(answer);
    expect([details.code, details.message]).toEqual([code, message]);
    const metadata = new Map(row.detail === undefined ? [] : [['detail', row.detail]]);
    expect(details.info).toEqual({ reason: row.reason, domain: '', metadata });
    const { delayMs } = row;
    const delay =
      delayMs === undefined
        ? undefined
        : { seconds: BigInt(Math.floor(delayMs / 1000)), nanos: (delayMs % 1000) * 1_000_000 };
    expect(details.retryDelay).toEqual(delay);
    expect(details.count).toBe(delay === undefined ? 1 : 2);
  });

  it.each(ROWS)('%s tells whether a repetition can help', (errorClass, { retry }) => {
    expect(ERROR_TABLE[errorClass].retry).toBe(retry);
  });

  it.each(ROWS)(
    '%s has a cause and a remedy in words, and no text of an answer that a header cannot carry',
    (errorClass) => {
      const { cause, remedy, crypto, operations, read } = ERROR_TABLE[errorClass];
      expect(cause).toMatch(/^[A-Z].*\.$/);
      expect(remedy).toMatch(/^[A-Z].*\.$/);
      for (const row of [crypto, operations, read]) expect(row?.message ?? '').toMatch(/^[\x20-\x7e]*$/);
    },
  );
});

describe('R-ERR-04 unreachable and refused are never confused', () => {
  const REFUSALS: readonly KeystoreErrorClass[] = ['login-refused', 'permission-denied'];

  it.each(CASES)('%s on the %s face', (errorClass, face) => {
    const { code, details } = toStatus(error(errorClass), face);
    const reads =
      [code, details].join() === AUTHENTICATION.join() ||
      code === status.UNAUTHENTICATED ||
      code === status.PERMISSION_DENIED;
    expect(reads).toBe(REFUSALS.includes(errorClass));
  });

  it('NOT_FOUND is said of a key or a keystore that is missing and of nothing else', () => {
    for (const [errorClass, face] of CASES) {
      const missing = errorClass === 'key-not-found' || errorClass === 'keystore-not-found';
      expect(toStatus(error(errorClass), face).code === NOT_FOUND).toBe(missing);
    }
  });

  it('UNIMPLEMENTED is never said', () => {
    for (const [errorClass, face] of CASES)
      expect(toStatus(error(errorClass), face).code).not.toBe(status.UNIMPLEMENTED);
  });

  it('what may pass by itself never reads as a fault of the caller', () => {
    for (const [errorClass, { retry, crypto }] of ROWS) {
      if (retry === 'now') expect(crypto[0]).toBe(UNAVAILABLE);
      if (crypto[0] === INVALID_ARGUMENT) expect([errorClass, retry]).not.toEqual([errorClass, 'later']);
    }
  });
});

describe('details of an answer', () => {
  const info = (errorClass: KeystoreErrorClass, details: KeystoreErrorDetails) =>
    detailsOf(toStatus(error(errorClass, details), 'crypto')).info;

  it('name what is missing under the name that CMK knows', () => {
    const details = { fields: ['address', 'clientCert'], accessDataReason: 'MISSING_FIELDS' } as const;
    expect(info('invalid-access-data', details)).toEqual({
      reason: 'MISSING_FIELDS',
      domain: '',
      metadata: new Map([['missingFields', 'address,clientCert']]),
    });
  });

  it('name what cannot be used', () => {
    const details = { fields: ['mountPath'], accessDataReason: 'CANNOT_PARSE_DATA' } as const;
    expect(info('invalid-access-data', details)).toEqual({
      reason: 'CANNOT_PARSE_DATA',
      domain: '',
      metadata: new Map([['fields', 'mountPath']]),
    });
  });

  it('R-ERR-12 name the path and the capability that were needed', () => {
    const details = { policyPath: 'transit/encrypt/k', capability: 'update', httpStatus: 403, openbaoRequestId: 'r' };
    expect(info('permission-denied', details)).toEqual({
      reason: 'DENIED_BY_POLICY',
      domain: '',
      metadata: new Map([
        ['path', 'transit/encrypt/k'],
        ['capability', 'update'],
      ]),
    });
  });

  it('say nothing of status, cause and request ids', () => {
    const details = { httpStatus: 503, cause: 'ECONNREFUSED', openbaoRequestId: 'r', retryAfterMs: 5 };
    expect(info('unreachable', details)?.metadata.size).toBe(0);
  });

  it('stay small enough for a trailer however many fields there are', () => {
    const fields = Array.from({ length: 5000 }, (_, index) => `field${index}`);
    const [bytes] =
      toStatus(error('invalid-request', { fields }), 'crypto').metadata?.get('grpc-status-details-bin') ?? [];
    expect(bytes?.length).toBeLessThan(4096);
  });

  it.each([
    [1, 0n, 1_000_000],
    [1500, 1n, 500_000_000],
    [30_000, 30n, 0],
  ])('tell when a repetition may succeed: %i ms', (retryAfterMs, seconds, nanos) => {
    const { retryDelay } = detailsOf(toStatus(error('rate-limited', { retryAfterMs }), 'crypto'));
    expect(retryDelay).toEqual({ seconds, nanos });
  });

  it('R-ERR-06 an internal error carries a fixed text and a reference', () => {
    const answer = toStatus(error('internal'), 'operations', 'ref-1');
    expect(answer.details).toBe('internal error (reference ref-1)');
    expect(detailsOf(answer)).toMatchObject({ code: INTERNAL, message: 'internal error (reference ref-1)' });
  });
});
