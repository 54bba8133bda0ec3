import { formatKeyVersionId } from '../../keystore-contract/key-id.ts';
import { KEY_USAGE_ENCRYPT_DECRYPT } from '../../keystore-contract/statuses.ts';
import type {
  GetKeyRequest,
  GetKeyVersionsRequest,
  KeystoreInstanceKeyOperationServer,
} from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { KeyDescription, Keystore, LiveKey } from '../keystore/keystore.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import { ALGORITHMS, toTimestamp } from './convert.ts';
import { createKeyAdmission } from './key-admission.ts';
import { createKeyLifecycle } from './key-lifecycle.ts';
import { describeKeyCall, requireKeyId, toKeystoreCall } from './request.ts';
import { unary, type UnaryContext, type UnaryEnvironment } from './unary.ts';

/** `plugin.keystore.operations.v1.KeystoreInstanceKeyOperation`: what CMK asks of the keys of a keystore. */
export function createKeyOperation(
  keystore: ActiveKeystore<Keystore>,
  environment: UnaryEnvironment,
): KeystoreInstanceKeyOperationServer {
  const read = {
    face: 'read',
    budgetMs: () => keystore.get().limits.readBudgetMs,
    describe: describeKeyCall,
  } as const;
  async function describeKey(
    request: GetKeyRequest | GetKeyVersionsRequest,
    context: UnaryContext,
  ): Promise<KeyDescription> {
    const keyId = requireKeyId(request.parameters);
    const call = toKeystoreCall(request.parameters?.config, context);
    const key = await keystore.get().describeKey(call, keyId);
    // CMK registers AES256 only, and takes any other answer for a key that it cannot use.
    if (key.state !== 'PENDING_IMPORT' && !key.type.managed)
      throw new KeystoreError('key-unusable', 'the key is of a kind that CMK cannot use');
    return key;
  }

  return {
    getKey: unary(environment, {
      ...read,
      rpc: 'GetKey',
      keyVersion: ({ latestKeyVersionId }) => latestKeyVersionId || undefined,
      async handle(request, context) {
        const key = await describeKey(request, context);
        const pending = key.state === 'PENDING_IMPORT';
        return {
          keyId: key.keyId,
          algorithm: ALGORITHMS[pending ? key.algorithm : key.type.algorithm],
          status: key.state,
          usage: KEY_USAGE_ENCRYPT_DECRYPT,
          latestKeyVersionId: pending ? '' : formatKeyVersionId(key.latestVersion),
          latestRotationTime: pending ? undefined : latestRotationTime(key),
        };
      },
    }),
    getKeyVersions: unary(environment, {
      ...read,
      rpc: 'GetKeyVersions',
      async handle(request, context) {
        const key = await describeKey(request, context);
        // An empty list would end a registration in CMK with a text that explains less.
        if (key.state === 'PENDING_IMPORT') throw new KeystoreError('key-pending-import', 'the key has no version yet');
        return {
          versions: key.versions.slice(-keystore.get().limits.maxVersions).map(({ version, creationTime }) => ({
            versionId: formatKeyVersionId(version),
            creationTime: toTimestamp(creationTime),
            status: key.state,
          })),
        };
      },
    }),
    ...createKeyLifecycle(keystore, environment),
    ...createKeyAdmission(keystore, environment),
  };
}

function latestRotationTime({ versions }: LiveKey) {
  const latest = versions.at(-1);
  return latest && toTimestamp(latest.creationTime);
}
