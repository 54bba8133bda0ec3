import {
  type CreateKeyRequest,
  type ImportKeyMaterialRequest,
  KeyAlgorithm,
  KeyType,
  type KeystoreInstanceKeyOperationServer,
  type RequestParameters,
} from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import type { CreateKeyInput, ImportParameters, KeyOrigin } from '../keystore/key-lifecycle.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import { algorithmName } from './convert.ts';
import { describeKeyCall, invalid, requireKeyId, toKeystoreCall } from './request.ts';
import { unary, type UnaryContext, type UnaryEnvironment } from './unary.ts';

/** Characters of wrapped material that CMK lets through. */
const MAX_WRAPPED_LENGTH = 65_536;
const MAX_PROVIDER_PARAMS_LENGTH = 4096;
/** The only kind of key that CMK imports, in Transit's word; comes back with the import. */
const IMPORT_ALGORITHM = 'AES256';

type Lifecycle = 'createKey' | 'getImportParameters' | 'importKeyMaterial' | 'enableKey' | 'disableKey' | 'deleteKey';

/** The methods of `KeystoreInstanceKeyOperation` that change keys. */
export function createKeyLifecycle(
  keystore: ActiveKeystore<Keystore>,
  environment: UnaryEnvironment,
): Pick<KeystoreInstanceKeyOperationServer, Lifecycle> {
  const common = { face: 'operations', budgetMs: () => keystore.get().limits.changeBudgetMs } as const;
  const ofKey = { ...common, describe: describeKeyCall };

  async function setEnabled(parameters: RequestParameters | undefined, context: UnaryContext, enabled: boolean) {
    const keyId = requireKeyId(parameters);
    await keystore.get().setKeyEnabled(toKeystoreCall(parameters?.config, context), keyId, enabled);
    return {};
  }

  return {
    createKey: unary(environment, {
      ...common,
      rpc: 'CreateKey',
      describe: ({ config, id }) => describeKeyCall({ parameters: { config, keyId: id ?? '' } }),
      async handle(request, context) {
        const input = readCreateKey(request, keystore.get());
        const status = await keystore.get().createKey(toKeystoreCall(request.config, context), input);
        return { keyId: input.keyId, status };
      },
    }),
    getImportParameters: unary(environment, {
      ...ofKey,
      rpc: 'GetImportParameters',
      async handle({ algorithm, parameters }, context) {
        const keyId = requireKeyId(parameters);
        if (algorithm !== KeyAlgorithm.KEY_ALGORITHM_AES256) throw invalid('algorithm', 'must be AES256');
        const call = toKeystoreCall(parameters?.config, context);
        return { keyId, importParameters: toStruct(await keystore.get().getImportParameters(call, keyId)) };
      },
    }),
    importKeyMaterial: unary(environment, {
      ...ofKey,
      rpc: 'ImportKeyMaterial',
      async handle(request, context) {
        const keyId = requireKeyId(request.parameters);
        const providerParams = readProviderParams(request);
        const call = toKeystoreCall(request.parameters?.config, context);
        const wrappedMaterial = readMaterial(request.encryptedKeyMaterial);
        await keystore.get().importKeyMaterial(call, { keyId, providerParams, wrappedMaterial });
        return {};
      },
    }),
    enableKey: unary(environment, {
      ...ofKey,
      rpc: 'EnableKey',
      handle: ({ parameters }, context) => setEnabled(parameters, context, true),
    }),
    disableKey: unary(environment, {
      ...ofKey,
      rpc: 'DisableKey',
      handle: ({ parameters }, context) => setEnabled(parameters, context, false),
    }),
    deleteKey: unary(environment, {
      ...ofKey,
      rpc: 'DeleteKey',
      async handle({ parameters, window }, context) {
        const keyId = requireKeyId(parameters);
        if (window !== undefined && window < 0) throw invalid('window', 'must not be negative');
        const call = toKeystoreCall(parameters?.config, context);
        await keystore.get().deleteKey(call, keyId, window === undefined ? {} : { windowDays: window });
        return {};
      },
    }),
  };
}

const ORIGINS: ReadonlyMap<KeyType, KeyOrigin> = new Map([
  [KeyType.KEY_TYPE_SYSTEM_MANAGED, 'SYSTEM_MANAGED'],
  [KeyType.KEY_TYPE_BYOK, 'BYOK'],
]);

function readCreateKey({ algorithm, id, keyType, region }: CreateKeyRequest, keystore: Keystore): CreateKeyInput {
  const keyId = requireKeyId({ keyId: id ?? '' }, 'id');
  const origin = ORIGINS.get(keyType);
  if (origin === undefined) throw invalid('key_type', 'must be SYSTEM_MANAGED or BYOK');
  const name = algorithmName(algorithm);
  if (name === undefined) throw invalid('algorithm', 'is not offered');
  const refusal = keystore.admission.refuseKey({ kind: origin, algorithm: name, region, nativeKeyId: keyId });
  if (refusal !== undefined) throw invalid('request', `is refused: ${refusal}`);
  return { keyId, origin, algorithm: name };
}

// All values are texts, as CMK reads them; it gives back `providerParams` and `algorithm` and nothing else.
function toStruct(parameters: ImportParameters): Record<string, string> {
  return {
    publicKey: parameters.wrappingKeyPem,
    wrappingAlgorithm: parameters.wrappingAlgorithm,
    hashFunction: parameters.hashFunction,
    providerParams: parameters.providerParams,
    algorithm: IMPORT_ALGORITHM,
    validTo: parameters.validTo.toISOString(),
  };
}

function readProviderParams({ importParameters }: ImportKeyMaterialRequest): string {
  const text: unknown = Object.getOwnPropertyDescriptor(importParameters ?? {}, 'providerParams')?.value;
  if (text === undefined || text === '') throw invalid('import_parameters.providerParams', 'is missing');
  if (typeof text !== 'string' || text.length > MAX_PROVIDER_PARAMS_LENGTH) {
    throw invalid('import_parameters.providerParams', 'is malformed');
  }
  return text;
}

function readMaterial(text: string): Buffer {
  if (text === '') throw invalid('encrypted_key_material', 'is missing');
  if (text.length > MAX_WRAPPED_LENGTH) throw invalid('encrypted_key_material', 'is too long');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw invalid('encrypted_key_material', 'must be standard base64');
  return bytes;
}
