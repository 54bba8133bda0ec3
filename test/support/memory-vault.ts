import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';

/** A version of a key: 32 bytes, or an RSA key. */
interface Version {
  readonly material: Buffer | KeyObject;
  readonly createdMs: number;
}

/** A key of {@link MemoryVault}, in Transit's words. */
export interface MemoryKey {
  readonly type: string;
  readonly derived: boolean;
  readonly imported: boolean;
  readonly versions: Version[];
  minDecryptionVersion: number;
  softDeleted: boolean;
}

/** What is known of a key that its tenant brings: it waits, or this is the SHA-256 of what came. */
export type ImportMarker = { readonly state: 'pending' } | { readonly state: 'imported'; readonly blob: string };

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_WRAP_IV = Buffer.from('a65959a6', 'hex');

/** What a customer's OpenBao holds, in memory and with real cryptography. Its owner changes it as they like. */
export class MemoryVault {
  readonly keys = new Map<string, MemoryKey>();
  readonly markers = new Map<string, ImportMarker>();
  /** Keys that the policy denies. */
  readonly denied = new Set<string>();
  sealed = false;
  #wrappingKey: KeyObject | undefined;

  /** Makes a key, or adds a version to one that is there. */
  addVersion(keyId: string, { type = 'aes256-gcm96', derived = false } = {}): void {
    const key = this.keys.get(keyId) ?? newKey(type, derived, false);
    const material = key.type.startsWith('rsa-') ? rsaKey(Number(key.type.slice(4))) : randomBytes(32);
    key.versions.push({ material, createdMs: Date.now() });
    this.keys.set(keyId, key);
  }

  softDelete(keyId: string, softDeleted: boolean): void {
    this.require(keyId).softDeleted = softDeleted;
  }

  retire(keyId: string): void {
    const key = this.require(keyId);
    key.minDecryptionVersion = key.versions.length;
  }

  require(keyId: string): MemoryKey {
    const key = this.keys.get(keyId);
    if (key === undefined) throw new Error('there is no such key');
    return key;
  }

  get wrappingKey(): KeyObject {
    return (this.#wrappingKey ??= rsaKey(2048));
  }

  /** Unwraps CKM_RSA_AES_KEY_WRAP with SHA-256 and makes the key. Throws when it cannot be unwrapped or is not of 32 bytes. */
  import(keyId: string, wrapped: Buffer): void {
    const block = (this.wrappingKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
    const ephemeral = rsaDecrypt(this.wrappingKey, wrapped.subarray(0, block));
    const unwrap = createDecipheriv('id-aes256-wrap-pad', ephemeral, KEY_WRAP_IV);
    const material = Buffer.concat([unwrap.update(wrapped.subarray(block)), unwrap.final()]);
    if (material.length !== 32) throw new Error('the material has the wrong length');
    const key = newKey('aes256-gcm96', false, true);
    key.versions.push({ material, createdMs: Date.now() });
    this.keys.set(keyId, key);
  }
}

/** The payload of a ciphertext by a version of a key. */
export function seal({ material }: Version, plaintext: Buffer, associatedData: Buffer): Buffer {
  if (!Buffer.isBuffer(material)) return rsaEncrypt(material, plaintext);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', material, nonce).setAAD(associatedData);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext of a payload. Throws when it does not decrypt. */
export function unseal({ material }: Version, payload: Buffer, associatedData: Buffer): Buffer {
  if (!Buffer.isBuffer(material)) return rsaDecrypt(material, payload);
  const decipher = createDecipheriv('aes-256-gcm', material, payload.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData).setAuthTag(payload.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(payload.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

function newKey(type: string, derived: boolean, imported: boolean): MemoryKey {
  return { type, derived, imported, versions: [], minDecryptionVersion: 1, softDeleted: false };
}

function rsaKey(modulusLength: number): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength }).privateKey;
}

const OAEP = { oaepHash: 'sha256', padding: constants.RSA_PKCS1_OAEP_PADDING };

function rsaEncrypt(key: KeyObject, plaintext: Buffer): Buffer {
  return publicEncrypt({ key, ...OAEP }, plaintext);
}

function rsaDecrypt(key: KeyObject, payload: Buffer): Buffer {
  return privateDecrypt({ key, ...OAEP }, payload);
}
