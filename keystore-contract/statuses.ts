import { status } from '@grpc/grpc-js';

/** A gRPC code and the exact text that travels with it. */
export interface StatusPair {
  readonly code: status;
  readonly message: string;
}

/**
 * The pairs that CMK recognises by equality of code and message (plugin-sdk `pkg/plugin/keystore/errors`). A changed
 * letter turns a known condition into an unknown one.
 */
export const EXACT_STATUSES = {
  authentication: { code: status.INVALID_ARGUMENT, message: 'failed to authenticate with the keystore provider' },
  keyNotFound: { code: status.NOT_FOUND, message: 'key not found in the keystore provider' },
  getKey: { code: status.UNKNOWN, message: 'failed to get key' },
  invalidAccessData: { code: status.INVALID_ARGUMENT, message: 'invalid key access data' },
  keyMaterial: {
    code: status.INVALID_ARGUMENT,
    message: 'key material decryption failed: invalid or incorrectly wrapped key material',
  },
} as const satisfies Record<string, StatusPair>;

/** `ErrorInfo.reason` values that CMK passes on to tenants. */
export const ACCESS_DATA_REASONS = { missingFields: 'MISSING_FIELDS', cannotParseData: 'CANNOT_PARSE_DATA' } as const;

/** Key states that CMK's database accepts from a plugin. */
export const KEY_STATES = ['ENABLED', 'DISABLED', 'PENDING_IMPORT', 'PENDING_DELETION'] as const;

/** One of {@link KEY_STATES}. */
export type KeyState = (typeof KEY_STATES)[number];

/** `GetKeyResponse.usage`; CMK reads and never uses it, the AWS plugin answers the same. */
export const KEY_USAGE_ENCRYPT_DECRYPT = 'ENCRYPT_DECRYPT';
