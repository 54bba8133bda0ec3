import { createHash, createPublicKey } from 'node:crypto';

import { KeystoreError, type KeystoreErrorClass } from '../../src/keystore/errors.ts';
import type { CreateKeyInput, ImportInput, ImportParameters } from '../../src/keystore/key-lifecycle.ts';
import { type KeyState, transitTypeOf } from '../../src/keystore/key-types.ts';
import type { MemoryVault } from './memory-vault.ts';

const VALIDITY_MS = 24 * 60 * 60 * 1000;

/** As `KeyLifecycle.createKey`. */
export function createKey(vault: MemoryVault, { algorithm, keyId, origin }: CreateKeyInput): KeyState {
  const key = vault.keys.get(keyId);
  const sameKind = origin === 'BYOK' ? key?.imported : key?.imported === false && key.type === transitTypeOf(algorithm);
  if (key !== undefined && sameKind !== true) throw refuse('key-exists');
  if (key !== undefined) return key.softDeleted ? 'DISABLED' : 'ENABLED';
  if (origin === 'BYOK') {
    vault.markers.set(keyId, { state: 'pending' });
    return 'PENDING_IMPORT';
  }
  vault.addVersion(keyId, { type: transitTypeOf(algorithm) });
  return 'ENABLED';
}

/** As `KeyLifecycle.getImportParameters`. */
export function importParameters(vault: MemoryVault, keyId: string): ImportParameters {
  if (vault.keys.has(keyId)) throw refuse('key-not-importable');
  if (!vault.markers.has(keyId)) throw refuse('key-not-found');
  const validTo = new Date(Date.now() + VALIDITY_MS);
  return {
    wrappingKeyPem: createPublicKey(vault.wrappingKey).export({ type: 'spki', format: 'pem' }),
    wrappingAlgorithm: 'CKM_RSA_AES_KEY_WRAP',
    hashFunction: 'SHA256',
    providerParams: JSON.stringify({ keyId, expires: validTo.toISOString() }),
    validTo,
  };
}

/** As `KeyLifecycle.importKeyMaterial`. */
export function importKey(vault: MemoryVault, { keyId, providerParams, wrappedMaterial }: ImportInput): void {
  const blob = createHash('sha256').update(wrappedMaterial).digest('hex');
  checkParameters(keyId, providerParams);
  const marker = vault.markers.get(keyId);
  if (marker === undefined) throw refuse(vault.keys.has(keyId) ? 'key-not-importable' : 'key-not-found');
  if (vault.keys.has(keyId)) {
    if (marker.state === 'imported' && marker.blob === blob) return;
    throw refuse('key-not-importable');
  }
  try {
    vault.import(keyId, wrappedMaterial);
  } catch {
    throw refuse('key-material-rejected');
  }
  vault.markers.set(keyId, { state: 'imported', blob });
}

function checkParameters(keyId: string, text: string): void {
  const rejected = (): KeystoreError =>
    new KeystoreError('import-parameters-rejected', 'the import parameters are no good');
  let params: unknown;
  try {
    params = JSON.parse(text);
  } catch {
    throw rejected();
  }
  const { expires, keyId: own } = Object(params) as { readonly expires?: unknown; readonly keyId?: unknown };
  if (own !== keyId || typeof expires !== 'string' || !(Date.parse(expires) > Date.now())) throw rejected();
}

/** An error whose text is that of its class. */
export function refuse(errorClass: KeystoreErrorClass): KeystoreError {
  return new KeystoreError(errorClass, errorClass);
}
