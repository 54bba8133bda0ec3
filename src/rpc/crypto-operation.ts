import { formatKeyVersionId } from '../../keystore-contract/key-id.ts';
import {
  type GetKeyStatusResponse,
  KeyUsage,
  type KeystoreInstanceCryptoOperationServer,
} from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import type { EncryptOutput, Keystore, KeystoreLimits, LiveKey, PendingKey } from '../keystore/keystore.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import { ALGORITHMS, HEALTH_STATES, KEY_STATUSES, toTimestamp, toTimestampOfDate } from './convert.ts';
import { describeKeyCall, invalid, optionalKeyVersion, requireKeyId, toKeystoreCall } from './request.ts';
import { unary, type UnaryEnvironment } from './unary.ts';

const PROVIDER = 'openbao';

/** Characters of a ciphertext beyond four thirds of its plaintext: prefix, version, nonce, tag and padding. */
const CIPHERTEXT_OVERHEAD = 128;
const MAX_ASSOCIATED_DATA_BYTES = 64 * 1024;

/** `plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation`: the use of keys. */
export function createCryptoOperation(
  keystore: ActiveKeystore<Keystore>,
  environment: UnaryEnvironment,
): KeystoreInstanceCryptoOperationServer {
  const common = {
    face: 'crypto',
    budgetMs: () => keystore.get().limits.readBudgetMs,
    describe: describeKeyCall,
  } as const;

  return {
    encrypt: unary(environment, {
      ...common,
      rpc: 'Encrypt',
      keyVersion: ({ keyVersionId }) => keyVersionId,
      async handle(request, context) {
        const { parameters, plaintext, associatedData, keyVersionId, requestId } = request;
        const keyId = requireKeyId(parameters);
        const keyVersion = optionalKeyVersion(keyVersionId);
        checkSize('plaintext', plaintext, keystore.get().limits.maxPlaintextBytes);
        checkSize('associated_data', associatedData, MAX_ASSOCIATED_DATA_BYTES);
        const call = toKeystoreCall(parameters?.config, context, requestId);
        return toEncrypted(
          await keystore.get().encrypt(call, {
            keyId,
            plaintext,
            ...(associatedData === undefined ? {} : { associatedData }),
            ...(keyVersion === undefined ? {} : { keyVersion }),
          }),
        );
      },
      release: ({ plaintext }) => plaintext.fill(0),
    }),
    decrypt: unary(environment, {
      ...common,
      rpc: 'Decrypt',
      keyVersion: ({ keyVersionId }) => keyVersionId,
      async handle(request, context) {
        const { parameters, ciphertext, associatedData, requestId } = request;
        const keyId = requireKeyId(parameters);
        checkCiphertext(ciphertext);
        checkSize('associated_data', associatedData, MAX_ASSOCIATED_DATA_BYTES);
        const call = toKeystoreCall(parameters?.config, context, requestId);
        const { plaintext, keyVersion } = await keystore.get().decrypt(call, {
          keyId,
          ciphertext,
          ...(associatedData === undefined ? {} : { associatedData }),
        });
        return { plaintext, keyVersionId: formatKeyVersionId(keyVersion) };
      },
      release: (_request, response) => response?.plaintext.fill(0),
    }),
    rewrap: unary(environment, {
      ...common,
      rpc: 'Rewrap',
      keyVersion: ({ keyVersionId }) => keyVersionId,
      async handle(request, context) {
        const { parameters, ciphertext, associatedData, newAssociatedData, requestId } = request;
        const keyId = requireKeyId(parameters);
        checkCiphertext(ciphertext);
        checkSize('associated_data', associatedData, MAX_ASSOCIATED_DATA_BYTES);
        checkSize('new_associated_data', newAssociatedData, MAX_ASSOCIATED_DATA_BYTES);
        const call = toKeystoreCall(parameters?.config, context, requestId);
        return toEncrypted(
          await keystore.get().rewrap(call, {
            keyId,
            ciphertext,
            ...(associatedData === undefined ? {} : { associatedData }),
            ...(newAssociatedData === undefined ? {} : { newAssociatedData }),
          }),
        );
      },
    }),
    getKeyStatus: unary(environment, {
      ...common,
      rpc: 'GetKeyStatus',
      keyVersion: ({ latestKeyVersionId }) => latestKeyVersionId,
      async handle({ parameters, requestId }, context) {
        const keyId = requireKeyId(parameters);
        const key = await keystore.get().describeKey(toKeystoreCall(parameters?.config, context, requestId), keyId);
        return key.state === 'PENDING_IMPORT' ? pendingStatus(key) : liveStatus(key, keystore.get().limits);
      },
    }),
    checkHealth: unary(environment, {
      ...common,
      rpc: 'CheckHealth',
      async handle({ config, deep, requestId }, context) {
        const health = await keystore.get().checkHealth(toKeystoreCall(config, context, requestId), { deep });
        return {
          state: HEALTH_STATES[health.state],
          provider: PROVIDER,
          providerVersion: health.providerVersion,
          checkedAt: toTimestampOfDate(health.checkedAt),
          endpoints: health.endpoints.map(({ id, role, state }) => ({ id, role, state: HEALTH_STATES[state] })),
          reason: health.reason,
        };
      },
    }),
  };

  function checkCiphertext(ciphertext: Buffer): void {
    const { maxPlaintextBytes } = keystore.get().limits;
    checkSize('ciphertext', ciphertext, Math.ceil(maxPlaintextBytes / 3) * 4 + CIPHERTEXT_OVERHEAD + RSA_BLOCK);
  }
}

const PENDING = {
  usages: [],
  latestKeyVersionId: '',
  maxPlaintextBytes: 0,
  supportsAssociatedData: false,
  supportsRewrap: false,
};

function pendingStatus({ algorithm, state }: PendingKey): GetKeyStatusResponse {
  return {
    ...PENDING,
    status: KEY_STATUSES[state],
    algorithm: ALGORITHMS[algorithm],
    minDecryptionKeyVersionId: undefined,
    latestRotationTime: undefined,
  };
}

function liveStatus(key: LiveKey, { maxPlaintextBytes }: KeystoreLimits): GetKeyStatusResponse {
  const latest = key.versions.at(-1);
  return {
    status: KEY_STATUSES[key.state],
    algorithm: ALGORITHMS[key.type.algorithm],
    usages: [KeyUsage.KEY_USAGE_ENCRYPT, KeyUsage.KEY_USAGE_DECRYPT],
    latestKeyVersionId: formatKeyVersionId(key.latestVersion),
    minDecryptionKeyVersionId: formatKeyVersionId(key.minDecryptionVersion),
    latestRotationTime: latest && toTimestamp(latest.creationTime),
    maxPlaintextBytes: Math.min(maxPlaintextBytes, key.type.maxPlaintextBytes ?? maxPlaintextBytes),
    supportsAssociatedData: key.type.supportsAssociatedData,
    supportsRewrap: true,
  };
}

/** Characters of the largest RSA block. */
const RSA_BLOCK = 684;

function checkSize(field: string, bytes: Buffer | undefined, maxBytes: number): void {
  if (bytes !== undefined && bytes.length > maxBytes) throw invalid(field, 'is too long');
}

function toEncrypted({ ciphertext, keyVersion }: EncryptOutput) {
  return { ciphertext, keyVersionId: formatKeyVersionId(keyVersion) };
}
