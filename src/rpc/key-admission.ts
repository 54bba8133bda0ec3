import {
  KeyType,
  type KeystoreInstanceKeyOperationServer,
} from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import type { DescribedRegions, KeyCandidate } from '../keystore/admission.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import { algorithmName } from './convert.ts';
import { encodeRegionAccess } from './region-access-encoder.ts';
import { describeKeyCall, requireKeyId } from './request.ts';
import { unary, type UnaryEnvironment } from './unary.ts';

const KINDS: ReadonlyMap<KeyType, KeyCandidate['kind']> = new Map([
  [KeyType.KEY_TYPE_SYSTEM_MANAGED, 'SYSTEM_MANAGED'],
  [KeyType.KEY_TYPE_BYOK, 'BYOK'],
  [KeyType.KEY_TYPE_HYOK, 'HYOK'],
]);

const NATIVE_KEY_ID = 'native_key_id';
const TRANSFORM = 'TransformCryptoAccessData';
const MAX_LOGGED_FIELDS = 20;

type KeyAdmission = 'validateKey' | 'validateKeyAccessData' | 'transformCryptoAccessData' | 'extractKeyRegion';

/** The methods of `KeystoreInstanceKeyOperation` that the configuration answers: no network, no credentials. */
export function createKeyAdmission(
  keystore: ActiveKeystore<Keystore>,
  environment: UnaryEnvironment,
): Pick<KeystoreInstanceKeyOperationServer, KeyAdmission> {
  const common = { face: 'operations', budgetMs: () => keystore.get().limits.readBudgetMs } as const;

  return {
    validateKey: unary(environment, {
      ...common,
      rpc: 'ValidateKey',
      describe: describeNativeKey,
      handle({ algorithm, keyType, nativeKeyId, region }) {
        const kind = KINDS.get(keyType);
        const candidate = { kind, algorithm: algorithmName(algorithm), region, nativeKeyId };
        const message = keystore.get().admission.refuseKey(candidate);
        return Promise.resolve({ isValid: message === undefined, message: message ?? '' });
      },
    }),
    validateKeyAccessData: unary(environment, {
      ...common,
      rpc: 'ValidateKeyAccessData',
      // Valid or an error: the message of an answer that says invalid does not reach the tenant.
      handle({ crypto, management }) {
        keystore.get().admission.checkAccessData(management, crypto);
        return Promise.resolve({ isValid: true, message: '' });
      },
    }),
    extractKeyRegion: unary(environment, {
      ...common,
      rpc: 'ExtractKeyRegion',
      describe: describeNativeKey,
      handle({ managementAccessData, nativeKeyId }) {
        requireKeyId({ keyId: nativeKeyId }, NATIVE_KEY_ID);
        return Promise.resolve({ region: keystore.get().admission.regionOf(managementAccessData) });
      },
    }),
    transformCryptoAccessData: unary(environment, {
      ...common,
      rpc: TRANSFORM,
      describe: describeNativeKey,
      handle({ accessData, nativeKeyId }) {
        const keyId = requireKeyId({ keyId: nativeKeyId }, NATIVE_KEY_ID);
        const described = keystore.get().admission.describeRegions(keyId, accessData);
        if (described.unusableCount > 0) warn(keyId, described);
        const regions = described.usable.map((access) => [access.region, encodeRegionAccess(access)] as const);
        return Promise.resolve({ transformedAccessData: new Map(regions) });
      },
    }),
  };

  // CMK then reports just these regions as unsupported, and not why.
  function warn(keyId: string, { unusableCount, unusableFields }: DescribedRegions): void {
    const fields = unusableFields.slice(0, MAX_LOGGED_FIELDS).join(' ');
    environment.log.warn({ rpc: TRANSFORM, key_id: keyId, regions: unusableCount, fields }, 'regions left out');
  }
}

function describeNativeKey({ nativeKeyId }: { readonly nativeKeyId: string }): Record<string, unknown> {
  return describeKeyCall({ parameters: { config: undefined, keyId: nativeKeyId } });
}
