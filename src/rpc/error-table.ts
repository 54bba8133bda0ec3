import { status } from '@grpc/grpc-js';

import { EXACT_STATUSES, type StatusPair } from '../../keystore-contract/statuses.ts';
import type { KeystoreErrorClass } from '../keystore/errors.ts';

/** When the same call may succeed. */
export type RetryAdvice = 'never' | 'after-change' | 'later' | 'now';

/** All that is known of an error class: what each face answers, and what a person does about it. */
export interface ErrorRow {
  /** Answer of the crypto service. Without a message the error's own one is sent. */
  readonly crypto: StatusRow;
  /** Answer of the operations service where it differs; `read` is what GetKey and GetKeyVersions answer. */
  readonly operations?: StatusRow;
  readonly read?: StatusRow;
  /** `ErrorInfo.reason`. */
  readonly reason: string;
  readonly retry: RetryAdvice;
  /** What CMK makes of it in a key's next sync. */
  readonly cmkState: 'FORBIDDEN' | 'DELETED' | 'UNKNOWN' | '-';
  /** Pause before a repetition that is told to the caller where OpenBao names none, in milliseconds. */
  readonly retryDelayMs?: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Tells a tenant, as `detail` in the metadata, what the fields alone do not say. */
  readonly detail?: string;
  readonly cause: string;
  readonly remedy: string;
}

type StatusRow = StatusPair | { readonly code: status; readonly message?: undefined };

const text = (code: status, message: string): StatusPair => ({ code, message });
const ownText = (code: status): StatusRow => ({ code });

/** The one place that knows the error classes, the codes of gRPC and the exact pairs of OpenKCM. */
export const ERROR_TABLE: Readonly<Record<KeystoreErrorClass, ErrorRow>> = {
  'not-configured': {
    crypto: text(status.FAILED_PRECONDITION, 'the plugin is not configured'),
    reason: 'NOT_CONFIGURED',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'A call came before Configure succeeded.',
    remedy: 'Let the host call Configure first.',
  },
  unsupported: {
    crypto: text(status.FAILED_PRECONDITION, 'this keystore does not offer the operation'),
    reason: 'UNSUPPORTED',
    retry: 'never',
    cmkState: '-',
    logLevel: 'info',
    cause: 'The operation is part of the contract, but this plugin does not offer it.',
    remedy: 'Use a keystore that offers it.',
  },
  'invalid-request': {
    crypto: ownText(status.INVALID_ARGUMENT),
    reason: 'INVALID_REQUEST',
    retry: 'never',
    cmkState: 'UNKNOWN',
    logLevel: 'info',
    cause: 'A field of the request is missing, too long or malformed.',
    remedy: 'Correct the field that the message names.',
  },
  'invalid-ciphertext': {
    crypto: text(status.INVALID_ARGUMENT, 'the ciphertext is malformed'),
    reason: 'INVALID_CIPHERTEXT',
    retry: 'never',
    cmkState: '-',
    logLevel: 'info',
    cause: 'The ciphertext is not of the form vault:vN:base64 in its canonical spelling.',
    remedy: 'Pass the ciphertext exactly as Encrypt or Rewrap answered it.',
  },
  'invalid-access-data': {
    crypto: text(status.INVALID_ARGUMENT, EXACT_STATUSES.invalidAccessData.message),
    operations: EXACT_STATUSES.invalidAccessData,
    reason: 'CANNOT_PARSE_DATA',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'Access data lacks a field, or a field cannot be used, or it tries to steer the identity of the process.',
    remedy: 'Correct the fields named in the metadata.',
  },
  'address-not-allowed': {
    crypto: text(status.INVALID_ARGUMENT, EXACT_STATUSES.invalidAccessData.message),
    operations: EXACT_STATUSES.invalidAccessData,
    reason: 'CANNOT_PARSE_DATA',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    detail: 'NOT_ALLOWED',
    cause:
      'The address of the access data matches no entry of openbao.allowedAddresses, or resolves to a private address.',
    remedy: 'Add the address to openbao.allowedAddresses if it may be used; privateAddresses allows private targets.',
  },
  'login-refused': {
    crypto: text(status.UNAUTHENTICATED, EXACT_STATUSES.authentication.message),
    operations: EXACT_STATUSES.authentication,
    reason: 'LOGIN_REFUSED',
    retry: 'after-change',
    cmkState: 'FORBIDDEN',
    logLevel: 'warn',
    cause: 'OpenBao refused the certificate, or the role id and secret id.',
    remedy:
      'Check the role, its constraints and the credential. A refused AppRole secret id is sent again only when the file changes, or after 16 minutes, doubling to 4 hours.',
  },
  'login-locked-out': {
    crypto: text(status.UNAVAILABLE, 'the keystore denies every login of the role'),
    reason: 'LOGIN_LOCKED_OUT',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause:
      'OpenBao locks an AppRole for 15 minutes after five failed logins, whoever caused them; a login at a mount that does not exist is answered alike.',
    remedy:
      'Check auth.mount. Find who sends wrong secret ids; unlock with sys/locked-users or wait 15 minutes. The plugin tries again every five minutes.',
  },
  'credential-unreadable': {
    crypto: text(status.UNAVAILABLE, 'the credential of the plugin cannot be read'),
    reason: 'CREDENTIAL_UNREADABLE',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause: 'The file of the secret id is missing, empty, unreadable or keeps changing.',
    remedy: 'Put the file in place; the next login reads it.',
  },
  'secret-unwrap-failed': {
    crypto: text(status.UNAVAILABLE, 'the wrapped credential of the plugin cannot be unwrapped'),
    reason: 'SECRET_UNWRAP_FAILED',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause:
      'The wrapping token was used before, by an earlier start or by somebody who should not have had it, has expired, or wraps something else.',
    remedy: 'Find out who used it: it may have been intercepted. Put a fresh wrapping token in place.',
  },
  'not-an-openbao-answer': {
    crypto: text(status.UNAVAILABLE, 'the answer does not come from the keystore provider'),
    reason: 'NOT_AN_OPENBAO_ANSWER',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause: 'A proxy or another server answered in place of OpenBao.',
    remedy: 'Check the address and what stands between.',
  },
  'permission-denied': {
    crypto: text(status.PERMISSION_DENIED, 'the keystore provider denies the operation'),
    operations: EXACT_STATUSES.authentication,
    reason: 'DENIED_BY_POLICY',
    retry: 'after-change',
    cmkState: 'FORBIDDEN',
    logLevel: 'warn',
    cause: 'The login succeeded and the token is alive, but no policy grants the path.',
    remedy: 'Add the policy line that the metadata names to the role; the plugin notices within five minutes.',
  },
  'key-not-found': {
    crypto: text(status.NOT_FOUND, EXACT_STATUSES.keyNotFound.message),
    operations: EXACT_STATUSES.keyNotFound,
    reason: 'KEY_NOT_FOUND',
    retry: 'after-change',
    cmkState: 'DELETED',
    logLevel: 'warn',
    cause: 'The Transit mount has no key of this name.',
    remedy: 'Check the key id; a deleted key cannot be brought back.',
  },
  'key-exists': {
    crypto: text(status.ALREADY_EXISTS, 'a key of this name exists and is of another kind'),
    reason: 'KEY_EXISTS',
    retry: 'never',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'The Transit mount has a key of this name that is not the one asked for.',
    remedy: 'Choose another key id.',
  },
  'key-pending-import': {
    crypto: text(status.FAILED_PRECONDITION, 'the key material was not imported yet'),
    read: EXACT_STATUSES.getKey,
    reason: 'KEY_PENDING_IMPORT',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'info',
    cause: 'The key was created and waits for its material.',
    remedy: 'Its tenant fetches import parameters and imports the material.',
  },
  'key-not-importable': {
    crypto: text(status.FAILED_PRECONDITION, 'the key has key material already'),
    reason: 'KEY_NOT_IMPORTABLE',
    retry: 'never',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'The key exists, and with other material than was sent.',
    remedy: 'Create a new key for other material.',
  },
  'import-under-way': {
    crypto: text(status.FAILED_PRECONDITION, 'another import of the key is under way'),
    reason: 'IMPORT_UNDER_WAY',
    retry: 'later',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'Another process is importing other material for the key, or has left such an import behind.',
    remedy: 'Repeat with the same material, or wait: what was left behind is over after five and a half minutes.',
  },
  'key-material-rejected': {
    crypto: EXACT_STATUSES.keyMaterial,
    reason: 'KEY_MATERIAL_REJECTED',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'The material cannot be unwrapped with the wrapping key of the mount, or has the wrong length.',
    remedy: 'Wrap 32 bytes with CKM_RSA_AES_KEY_WRAP and SHA-256 under the public key of fresh import parameters.',
  },
  'import-parameters-rejected': {
    crypto: ownText(status.INVALID_ARGUMENT),
    reason: 'IMPORT_PARAMETERS_REJECTED',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'warn',
    cause:
      'The parameters have expired, belong to another key, mount or wrapping key, or were not issued by this plugin.',
    remedy: 'Fetch fresh import parameters and wrap the material anew.',
  },
  'deletion-not-allowed': {
    crypto: text(status.FAILED_PRECONDITION, 'the key may not be deleted'),
    reason: 'DELETION_NOT_ALLOWED',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'The deletion would have to be scheduled, or the key was protected against deletion meanwhile.',
    remedy: 'See keys.deletion: softDelete keeps the key for its owner to destroy.',
  },
  'key-state-diverged': {
    crypto: text(status.UNAVAILABLE, 'the state of the key is unclear'),
    reason: 'KEY_STATE_DIVERGED',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause:
      'A change to the key had no clear outcome and its repair did not succeed, or others change the key at the same time.',
    remedy:
      'Repeat the call. Until it succeeds compare the key on every node, and let nobody else change it meanwhile.',
  },
  'keystore-not-found': {
    crypto: text(status.NOT_FOUND, 'the keystore does not exist'),
    reason: 'KEYSTORE_NOT_FOUND',
    retry: 'never',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'No keystore of this name was made by the provider, or it was deleted.',
    remedy: 'Check the account id.',
  },
  'keystore-not-empty': {
    crypto: text(status.FAILED_PRECONDITION, 'the keystore still has keys'),
    reason: 'KEYSTORE_NOT_EMPTY',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'A keystore is deleted only when it holds no key; soft-deleted keys count.',
    remedy: 'Destroy its keys first.',
  },
  'mount-not-found': {
    crypto: text(status.FAILED_PRECONDITION, 'the Transit mount does not exist'),
    read: EXACT_STATUSES.getKey,
    reason: 'MOUNT_NOT_FOUND',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'Nothing is mounted at the path, or it is no Transit mount.',
    remedy: 'Check mountPath and openbao.transitMount.',
  },
  'namespace-not-found': {
    crypto: text(status.FAILED_PRECONDITION, 'the namespace does not exist'),
    read: EXACT_STATUSES.getKey,
    reason: 'NAMESPACE_NOT_FOUND',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'OpenBao has no namespace of this path.',
    remedy: 'Check namespace and openbao.namespace.',
  },
  'key-unusable': {
    crypto: text(status.FAILED_PRECONDITION, 'the key is of a kind that cannot serve as L1 key'),
    read: EXACT_STATUSES.getKey,
    reason: 'KEY_UNUSABLE',
    retry: 'never',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'The key has another type, is derived, or cannot encrypt and decrypt. CMK takes AES256 only.',
    remedy: 'Use a key of type aes256-gcm96 that is not derived.',
  },
  'key-disabled': {
    crypto: text(status.FAILED_PRECONDITION, 'the key is disabled'),
    reason: 'KEY_DISABLED',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'warn',
    cause: 'The key is soft-deleted: the kill switch of its owner.',
    remedy: 'Its owner restores it with keys/<name>/soft-delete-restore.',
  },
  'key-version-retired': {
    crypto: text(status.FAILED_PRECONDITION, 'the key version is retired'),
    reason: 'KEY_VERSION_RETIRED',
    retry: 'after-change',
    cmkState: '-',
    logLevel: 'error',
    cause: 'The version lies below the key’s min_decryption_version or min_encryption_version.',
    remedy: 'Its owner lowers the floor again; that is possible until a trim.',
  },
  'key-version-unknown': {
    crypto: text(status.FAILED_PRECONDITION, 'the key version is unknown'),
    reason: 'KEY_VERSION_UNKNOWN',
    retry: 'later',
    cmkState: '-',
    logLevel: 'warn',
    cause:
      'The key has no such version: a standby lags, the key was restored from an older backup, or it was made anew.',
    remedy: 'Repeat once; if it stays, treat it as an incident.',
  },
  'integrity-failure': {
    crypto: text(status.INVALID_ARGUMENT, 'the ciphertext cannot be decrypted'),
    reason: 'INTEGRITY_FAILURE',
    retry: 'never',
    cmkState: '-',
    logLevel: 'warn',
    cause:
      'The ciphertext was changed, was made by another key, or is bound to other associated data; nobody can tell which.',
    remedy: 'Pass the ciphertext and the associated data that belong together.',
  },
  'rate-limited': {
    crypto: text(status.RESOURCE_EXHAUSTED, 'the keystore provider limits the rate of requests'),
    reason: 'RATE_LIMITED',
    retry: 'later',
    retryDelayMs: 1000,
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'A rate limit quota of OpenBao was exceeded.',
    remedy: 'Raise the quota, or send less.',
  },
  overloaded: {
    crypto: text(status.RESOURCE_EXHAUSTED, 'too many calls at once'),
    reason: 'OVERLOADED',
    retry: 'later',
    retryDelayMs: 100,
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'The plugin has as many calls at work and waiting as limits allow.',
    remedy: 'Send less at once, or raise limits.maxConcurrentCalls and limits.maxQueuedCalls.',
  },
  unreachable: {
    crypto: text(status.UNAVAILABLE, 'the keystore provider cannot be reached'),
    reason: 'UNREACHABLE',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'No connection to OpenBao: refused, reset, no route, no such name.',
    remedy: 'Check the address, the network and the server.',
  },
  'tls-failure': {
    crypto: text(status.UNAVAILABLE, 'no secure connection to the keystore provider'),
    reason: 'TLS_FAILURE',
    retry: 'after-change',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause:
      'The certificate of the server is not trusted, has expired or names another host, or the TLS handshake failed.',
    remedy: 'Check ca and serverName against the certificate of the server.',
  },
  'server-error': {
    crypto: text(status.UNAVAILABLE, 'the keystore provider failed to answer'),
    reason: 'SERVER_ERROR',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'OpenBao answered with an internal error, or could not process a login.',
    remedy: 'Look into the log of OpenBao under the request id.',
  },
  sealed: {
    crypto: text(status.UNAVAILABLE, 'the keystore provider is sealed'),
    reason: 'SEALED',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause: 'OpenBao is sealed.',
    remedy: 'Unseal it.',
  },
  'namespace-sealed': {
    crypto: text(status.UNAVAILABLE, 'the namespace of the keystore provider is sealed or locked'),
    reason: 'NAMESPACE_SEALED',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'The namespace is sealed or its API is locked, usually by its owner.',
    remedy: 'Its owner unseals or unlocks it.',
  },
  'no-active-node': {
    crypto: text(status.UNAVAILABLE, 'the keystore provider has no active node'),
    reason: 'NO_ACTIVE_NODE',
    retry: 'now',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'The OpenBao cluster is electing a leader.',
    remedy: 'It passes within seconds; otherwise check the quorum.',
  },
  'deadline-exceeded': {
    crypto: text(status.DEADLINE_EXCEEDED, 'the call took too long'),
    reason: 'DEADLINE_EXCEEDED',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'warn',
    cause: 'The time of the caller or the configured budget ended first.',
    remedy: 'Check how fast OpenBao answers; raise limits.readBudgetMs if that is normal.',
  },
  cancelled: {
    crypto: text(status.CANCELLED, 'the call was cancelled'),
    reason: 'CANCELLED',
    retry: 'never',
    cmkState: '-',
    logLevel: 'debug',
    cause: 'The caller went away.',
    remedy: 'None.',
  },
  stopping: {
    crypto: text(status.UNAVAILABLE, 'the plugin is stopping'),
    reason: 'STOPPING',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'info',
    cause: 'The host has asked the plugin to end.',
    remedy: 'Call the plugin that takes its place.',
  },
  'malformed-answer': {
    crypto: text(status.INTERNAL, 'the keystore provider gave an unexpected answer'),
    reason: 'MALFORMED_ANSWER',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause: 'OpenBao answered success in a form that the plugin does not know, or with too much.',
    remedy: 'Compare the version of OpenBao with the supported range and report the defect.',
  },
  internal: {
    crypto: text(status.INTERNAL, 'internal error'),
    reason: 'INTERNAL',
    retry: 'later',
    cmkState: 'UNKNOWN',
    logLevel: 'error',
    cause: 'A defect of the plugin.',
    remedy: 'Report it with the log line that carries the reference of the answer.',
  },
};
