// What a host of keystore plugins has to know of them: the entry `plugin-host/keystore` of the host's package.
export { keystoreContract, keystoreProviderContract } from './host-contract.ts';
export {
  HealthState,
  KeyStatus,
  KeyUsage,
  type CheckHealthResponse,
  type DecryptResponse,
  type EncryptResponse,
  type GetKeyStatusResponse,
  type RewrapResponse,
} from '../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
export {
  KeyAlgorithm,
  KeyType,
  type CreateKeyResponse,
  type GetImportParametersResponse,
  type GetKeyResponse,
  type GetKeyVersionsResponse,
  type RequestParameters,
} from '../proto/gen/plugin/keystore/operations/v1/operations.ts';
export type { KeystoreInstanceConfig } from '../proto/gen/plugin/keystore/common/v1/common.ts';
