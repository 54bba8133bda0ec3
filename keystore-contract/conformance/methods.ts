import { SERVICE_DEFINITIONS } from '../plugin-types.ts';

const { cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;

/** The methods that a case can call, by the names of the contract. */
export const METHODS = {
  GetKey: keyOperation.getKey,
  GetKeyVersions: keyOperation.getKeyVersions,
  CreateKey: keyOperation.createKey,
  DeleteKey: keyOperation.deleteKey,
  EnableKey: keyOperation.enableKey,
  DisableKey: keyOperation.disableKey,
  GetImportParameters: keyOperation.getImportParameters,
  ImportKeyMaterial: keyOperation.importKeyMaterial,
  ValidateKey: keyOperation.validateKey,
  ValidateKeyAccessData: keyOperation.validateKeyAccessData,
  TransformCryptoAccessData: keyOperation.transformCryptoAccessData,
  ExtractKeyRegion: keyOperation.extractKeyRegion,
  Encrypt: cryptoOperation.encrypt,
  Decrypt: cryptoOperation.decrypt,
  Rewrap: cryptoOperation.rewrap,
  GetKeyStatus: cryptoOperation.getKeyStatus,
  CheckHealth: cryptoOperation.checkHealth,
} as const;

/** Name of a method in {@link METHODS}. */
export type MethodName = keyof typeof METHODS;

/** The request message of a method. */
export type RequestOf<Name extends MethodName> = Parameters<(typeof METHODS)[Name]['requestSerialize']>[0];

/** The response message of a method. */
export type ResponseOf<Name extends MethodName> = ReturnType<(typeof METHODS)[Name]['responseDeserialize']>;
