import { status } from '@grpc/grpc-js';

import { KeyAlgorithm, KeyType } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { ACCESS_DATA_REASONS, EXACT_STATUSES } from '../../statuses.ts';
import type { CallStep, Reference, RefusalPattern, StructTemplate } from '../case.ts';

export const MIB = 1024 * 1024;
export const AES256 = KeyAlgorithm.KEY_ALGORITHM_AES256;
export const BYOK = KeyType.KEY_TYPE_BYOK;

/** INVALID_ARGUMENT with a text that the contract leaves to the plugin. */
export const INVALID: RefusalPattern = { code: status.INVALID_ARGUMENT };
export const PRECONDITION: RefusalPattern = { code: status.FAILED_PRECONDITION };
export const UNAVAILABLE: RefusalPattern = { code: status.UNAVAILABLE };

/** Access data that lack fields. */
export function missing(missingFields: string): RefusalPattern {
  return {
    ...EXACT_STATUSES.invalidAccessData,
    reason: ACCESS_DATA_REASONS.missingFields,
    metadata: { missingFields },
  };
}

/** Access data that cannot be used. */
export const UNUSABLE_ACCESS_DATA: RefusalPattern = {
  ...EXACT_STATUSES.invalidAccessData,
  reason: ACCESS_DATA_REASONS.cannotParseData,
};

/** `config` of a request. */
export function config(values: Reference | StructTemplate = '$values') {
  return { config: { values } } as const;
}

/** A request that concerns a key. */
export function ofKey(keyId: string, values?: Reference | StructTemplate) {
  return { parameters: { keyId, ...config(values) } } as const;
}

/** CreateKey of the kind that CMK creates. */
export function creation(id: string) {
  return { ...config(), id, algorithm: AES256, keyType: BYOK, region: '$keyRegion' } as const;
}

/** The key id that CreateKey answered. */
export const CREATED = '$created.keyId';

/** A key as CMK has it before its tenant brings the material, and `$parameters` for the import. */
export const PENDING_KEY = [
  { act: 'newId', as: 'id' },
  { call: 'CreateKey', request: creation('$id'), answers: { status: 'PENDING_IMPORT' }, as: 'created' },
  {
    call: 'GetImportParameters',
    request: { ...ofKey(CREATED), algorithm: AES256 },
    answers: {},
    as: 'parameters',
  },
] as const;

/** ImportKeyMaterial as CMK sends it, with what it kept of the parameters. */
export function importing(wrapped: string, keyId: Reference = CREATED, parameters = '$parameters') {
  return {
    ...ofKey(keyId),
    importParameters: {
      providerParams: `${parameters}.importParameters.providerParams`,
      algorithm: `${parameters}.importParameters.algorithm`,
    },
    encryptedKeyMaterial: `${wrapped}.encryptedKeyMaterial`,
  } as const;
}

/** A key that was brought, with `$wrapped.material`. */
export const IMPORTED_KEY = [
  ...PENDING_KEY,
  { wrap: '$parameters', as: 'wrapped' },
  { call: 'ImportKeyMaterial', request: importing('$wrapped'), answers: {} },
] as const;

/** The plugin still answers, whatever it was sent before. */
export const STILL_SERVES: CallStep = { call: 'GetKey', request: ofKey('$key'), answers: { keyId: '$key' } };
