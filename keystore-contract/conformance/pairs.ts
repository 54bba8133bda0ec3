import { status } from '@grpc/grpc-js';

import { EXACT_STATUSES } from '../statuses.ts';
import type { RefusalPattern } from './case.ts';

/** What the crypto service refuses with, to the letter. The operations service has {@link EXACT_STATUSES}. */
export const CRYPTO_REFUSALS = {
  authentication: {
    code: status.UNAUTHENTICATED,
    message: EXACT_STATUSES.authentication.message,
    reason: 'LOGIN_REFUSED',
  },
  denied: {
    code: status.PERMISSION_DENIED,
    message: 'the keystore provider denies the operation',
    reason: 'DENIED_BY_POLICY',
  },
  keyNotFound: { ...EXACT_STATUSES.keyNotFound, reason: 'KEY_NOT_FOUND' },
  keyDisabled: { code: status.FAILED_PRECONDITION, message: 'the key is disabled', reason: 'KEY_DISABLED' },
  keyUnusable: {
    code: status.FAILED_PRECONDITION,
    message: 'the key is of a kind that cannot serve as L1 key',
    reason: 'KEY_UNUSABLE',
  },
  versionUnknown: {
    code: status.FAILED_PRECONDITION,
    message: 'the key version is unknown',
    reason: 'KEY_VERSION_UNKNOWN',
  },
  versionRetired: {
    code: status.FAILED_PRECONDITION,
    message: 'the key version is retired',
    reason: 'KEY_VERSION_RETIRED',
  },
  integrity: {
    code: status.INVALID_ARGUMENT,
    message: 'the ciphertext cannot be decrypted',
    reason: 'INTEGRITY_FAILURE',
  },
  malformedCiphertext: {
    code: status.INVALID_ARGUMENT,
    message: 'the ciphertext is malformed',
    reason: 'INVALID_CIPHERTEXT',
  },
} as const satisfies Record<string, RefusalPattern>;
