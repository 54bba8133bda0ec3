import { randomBytes, randomUUID } from 'node:crypto';

import type { CallAnswer } from '../support/go-answers.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { wrapKeyMaterial } from '../support/key-material.ts';
import {
  callCrypto,
  callOperation,
  type Encrypted,
  EXACT,
  type GetKeyResponse,
  type KeyVersion,
} from './catalog-fixture.ts';

/** The answer to an import into a key that has its material. */
export const HAS_MATERIAL = {
  code: 'FailedPrecondition',
  message: 'the key has key material already',
  reason: 'KEY_NOT_IMPORTABLE',
};
/** The answer to material that cannot be unwrapped or has another length. */
export const BAD_MATERIAL = { ...EXACT.keyMaterial, reason: 'KEY_MATERIAL_REJECTED' };

/** What `GetImportParameters` answers, as CMK reads it: texts. */
export type ImportParameters = Readonly<Record<string, string>>;

/** Material that was wrapped under the parameters that go with it. */
export interface WrappedKey {
  readonly issued: ImportParameters;
  readonly material: Buffer;
  readonly wrapped: string;
}

export interface CreateKeyResponse {
  readonly keyId: string;
  readonly status: string;
}

/** CMK's calls for the keys of one tenant. */
export interface TenantCalls {
  /** Calls an RPC of the operations service about a key; `more` is what the message has besides `parameters`. */
  ofKey<Response = Record<string, unknown>>(rpc: string, keyId: string, more?: object): Promise<CallAnswer<Response>>;
  createKey(id: string, changes?: object): Promise<CallAnswer<CreateKeyResponse>>;
  getKey(keyId: string): Promise<CallAnswer<GetKeyResponse>>;
  getKeyVersions(keyId: string): Promise<CallAnswer<{ readonly versions: readonly KeyVersion[] }>>;
  getImportParameters(keyId: string): Promise<CallAnswer<{ readonly importParameters: ImportParameters }>>;
  importKeyMaterial(keyId: string, issued: ImportParameters, wrapped: string): Promise<CallAnswer>;
  encrypt(keyId: string, plaintext: Buffer): Promise<CallAnswer<Encrypted>>;
  decrypt(keyId: string, ciphertext: Buffer): Promise<CallAnswer<{ readonly plaintext: string }>>;
  /** Creates a key that waits for its material and answers its id. */
  newPendingKey(): Promise<string>;
  /** Wraps material, fresh unless given, under fresh parameters. */
  wrapFor(keyId: string, material?: Buffer): Promise<WrappedKey>;
  /** Creates a key, imports material and answers its id. */
  newImportedKey(): Promise<string>;
}

/** The calls that bring `values` as their configuration. */
export function tenantCalls(catalog: Catalog, values: object): TenantCalls {
  const config = { values };
  const ofKey = <Response>(rpc: string, keyId: string, more: object = {}) =>
    callOperation<Response>(catalog, rpc, { parameters: { keyId, config }, ...more });
  const calls: TenantCalls = {
    ofKey,
    createKey: (id, changes = {}) => callOperation(catalog, 'CreateKey', { config, ...newKey(id), ...changes }),
    getKey: (keyId) => ofKey('GetKey', keyId),
    getKeyVersions: (keyId) => ofKey('GetKeyVersions', keyId),
    getImportParameters: (keyId) => ofKey('GetImportParameters', keyId, { algorithm: 'KEY_ALGORITHM_AES256' }),
    importKeyMaterial: (keyId, issued, wrapped) => ofKey('ImportKeyMaterial', keyId, importOf(issued, wrapped)),
    encrypt: (keyId, plaintext) =>
      callCrypto(catalog, 'Encrypt', { parameters: { keyId, config }, plaintext: plaintext.toString('base64') }),
    decrypt: (keyId, ciphertext) =>
      callCrypto(catalog, 'Decrypt', { parameters: { keyId, config }, ciphertext: ciphertext.toString('base64') }),
    async newPendingKey() {
      const id = randomUUID();
      expect(await calls.createKey(id)).toMatchObject({ code: 'OK', response: { status: 'PENDING_IMPORT' } });
      return id;
    },
    async wrapFor(keyId, material = randomBytes(32)) {
      const answer = await calls.getImportParameters(keyId);
      expect(answer).toMatchObject({ code: 'OK' });
      const issued = answer.response!.importParameters;
      return { issued, material, wrapped: wrapKeyMaterial(issued.publicKey!, material) };
    },
    async newImportedKey() {
      const keyId = await calls.newPendingKey();
      const { issued, wrapped } = await calls.wrapFor(keyId);
      expect(await calls.importKeyMaterial(keyId, issued, wrapped)).toMatchObject({ code: 'OK' });
      return keyId;
    },
  };
  return calls;
}

function newKey(id: string): object {
  return { id, algorithm: 'KEY_ALGORITHM_AES256', keyType: 'KEY_TYPE_BYOK', region: 'eu10' };
}

/** What an import says besides its key: of the parameters CMK gives back these two. */
export function importOf({ algorithm, providerParams }: ImportParameters, wrapped: string): object {
  return { importParameters: { algorithm, providerParams }, encryptedKeyMaterial: wrapped };
}
