import type { KeyAlgorithmName } from './key-types.ts';
import type { KeystoreCall } from './call.ts';
import type { KeyState } from './key-types.ts';

/** Where the material of a key comes from. */
export type KeyOrigin = 'SYSTEM_MANAGED' | 'BYOK';

export interface CreateKeyInput {
  readonly keyId: string;
  readonly origin: KeyOrigin;
  readonly algorithm: KeyAlgorithmName;
}

/** What a tenant needs to wrap a key for one import. */
export interface ImportParameters {
  /** PEM, SubjectPublicKeyInfo. */
  readonly wrappingKeyPem: string;
  readonly wrappingAlgorithm: 'CKM_RSA_AES_KEY_WRAP';
  readonly hashFunction: 'SHA256';
  /** Comes back with the import. Canonical JSON, no secret. */
  readonly providerParams: string;
  readonly validTo: Date;
}

export interface ImportInput {
  readonly keyId: string;
  /** As {@link ImportParameters.providerParams} said it, from outside. */
  readonly providerParams: string;
  /** The wrapped material. The keystore wipes it when it is done with it. */
  readonly wrappedMaterial: Buffer;
}

/**
 * Changes to keys. Changes to one key never overlap in this process. A change that has begun is carried through to a clear
 * end whether or not its caller still waits, so each of these may have happened although it rejects with
 * `deadline-exceeded` or `cancelled`; each may be repeated.
 */
export interface KeyLifecycle {
  /** Resolves with the state that the key then has. Equal calls are one: an existing key that is just that is the answer. */
  createKey(call: KeystoreCall, input: CreateKeyInput): Promise<KeyState>;

  /** @throws KeystoreError `key-not-importable` when the key has material already. */
  getImportParameters(call: KeystoreCall, keyId: string): Promise<ImportParameters>;

  /** Resolves once the key can be read. The same material again is no error. */
  importKeyMaterial(call: KeystoreCall, input: ImportInput): Promise<void>;

  /** Resolves once the state was read back. */
  setKeyEnabled(call: KeystoreCall, keyId: string, enabled: boolean): Promise<void>;

  /** Disables or destroys, as configured; a key that is not there is done already. */
  deleteKey(call: KeystoreCall, keyId: string, options: { readonly windowDays?: number }): Promise<void>;
}
