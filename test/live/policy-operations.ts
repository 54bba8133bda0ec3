import { randomUUID } from 'node:crypto';

import { status } from '@grpc/grpc-js';

import type { Outcome, Subject, UnaryMethod } from '../../keystore-contract/conformance/subject.ts';
import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { KeyAlgorithm, KeyType } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import type { KeyOperation } from '../../src/openbao/policies/least-policies.ts';
import { wrapKeyMaterial } from '../support/key-material.ts';

const { cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const AES256 = KeyAlgorithm.KEY_ALGORITHM_AES256;
const { KEY_TYPE_BYOK: BYOK, KEY_TYPE_SYSTEM_MANAGED: SYSTEM_MANAGED } = KeyType;
const PLAINTEXT = Buffer.from('plaintext');

/** Key that is there from the start, and the test key of deep health checks. */
export const KEY = 'k';

/** Plugins with one identity: the two settings of `keys.deletion` are two configurations. */
export interface Plugins {
  readonly softDelete: Subject;
  readonly destroy: Subject;
}

/** One call, as the plugins of some identity make it. */
export type Attempt = (by: Plugins) => Promise<Outcome<unknown>>;

/** Makes ready what a call needs, with an identity that may do everything. */
type Prepare = (steward: Plugins) => Promise<Attempt> | Attempt;

/** Every operation on keys, each on a key that nobody has used before where it changes one. */
export const KEY_OPERATIONS: Readonly<Record<KeyOperation, Prepare>> = {
  GetKey: () => send(keyOperation.getKey, { parameters: of(KEY) }),
  'GetKey (PENDING_IMPORT)': async (steward) =>
    send(keyOperation.getKey, { parameters: of(await pendingKey(steward)) }),
  GetKeyVersions: () => send(keyOperation.getKeyVersions, { parameters: of(KEY) }),
  GetKeyStatus: () => send(cryptoOperation.getKeyStatus, { parameters: of(KEY) }),
  'CreateKey (BYOK)': () => send(keyOperation.createKey, creation(BYOK)),
  'CreateKey (SYSTEM_MANAGED)': () => send(keyOperation.createKey, creation(SYSTEM_MANAGED)),
  GetImportParameters: async (steward) =>
    send(keyOperation.getImportParameters, { parameters: of(await pendingKey(steward)), algorithm: AES256 }),
  ImportKeyMaterial: async (steward) =>
    send(keyOperation.importKeyMaterial, await importRequest(steward, await pendingKey(steward))),
  DisableKey: async (steward) => send(keyOperation.disableKey, { parameters: of(await importedKey(steward)) }),
  EnableKey: async (steward) => {
    const parameters = of(await importedKey(steward));
    await demand(steward.softDelete, keyOperation.disableKey, { parameters });
    return send(keyOperation.enableKey, { parameters });
  },
  'DeleteKey (softDelete)': async (steward) => send(keyOperation.deleteKey, await deletion(steward)),
  'DeleteKey (destroy)': async (steward) => {
    const request = await deletion(steward);
    return ({ destroy }) => destroy.call(keyOperation.deleteKey, request);
  },
  Encrypt: () => send(cryptoOperation.encrypt, { parameters: of(KEY), plaintext: PLAINTEXT }),
  Decrypt: async (steward) => send(cryptoOperation.decrypt, await ciphertextRequest(steward)),
  Rewrap: async (steward) => send(cryptoOperation.rewrap, await ciphertextRequest(steward)),
  'Rewrap (associated data)': async (steward) =>
    send(cryptoOperation.rewrap, await ciphertextRequest(steward, Buffer.from('associated data'))),
  'CheckHealth (deep)': () => send(cryptoOperation.checkHealth, { config: undefined, deep: true }),
};

/** `OK`, or the reason of the refusal. */
export function outcomeOf(outcome: Outcome<unknown>): string {
  if ('response' in outcome) return 'OK';
  return outcome.errorInfo?.reason ?? status[outcome.code];
}

/** With an identity of the process a request names the key and nothing else. */
function of(keyId: string): { readonly keyId: string; readonly config: undefined } {
  return { keyId, config: undefined };
}

function send<Request>(method: UnaryMethod<Request, unknown>, request: Request): Attempt {
  return ({ softDelete }) => softDelete.call(method, request);
}

function creation(keyType: KeyType) {
  return { config: undefined, id: randomUUID(), algorithm: AES256, keyType, region: 'eu10' };
}

async function pendingKey({ softDelete }: Plugins): Promise<string> {
  return (await demand(softDelete, keyOperation.createKey, creation(BYOK))).keyId;
}

async function importRequest({ softDelete }: Plugins, keyId: string) {
  const parameters = of(keyId);
  const { importParameters } = await demand(softDelete, keyOperation.getImportParameters, {
    parameters,
    algorithm: AES256,
  });
  const { providerParams, publicKey } = importParameters as Record<'providerParams' | 'publicKey', string>;
  const encryptedKeyMaterial = wrapKeyMaterial(publicKey, Buffer.alloc(32, 7));
  return { parameters, importParameters: { providerParams }, encryptedKeyMaterial };
}

async function importedKey(steward: Plugins): Promise<string> {
  const keyId = await pendingKey(steward);
  await demand(steward.softDelete, keyOperation.importKeyMaterial, await importRequest(steward, keyId));
  return keyId;
}

async function deletion(steward: Plugins) {
  return { parameters: of(await importedKey(steward)), window: undefined };
}

async function ciphertextRequest({ softDelete }: Plugins, associatedData?: Buffer) {
  const parameters = of(KEY);
  const request = { parameters, plaintext: PLAINTEXT, associatedData };
  const { ciphertext } = await demand(softDelete, cryptoOperation.encrypt, request);
  return { parameters, ciphertext, associatedData };
}

async function demand<Request, Response>(
  subject: Subject,
  method: UnaryMethod<Request, Response>,
  request: Request,
): Promise<Response> {
  const outcome = await subject.call(method, request);
  if ('response' in outcome) return outcome.response;
  throw new Error(`${method.path}: ${outcomeOf(outcome)}`);
}
