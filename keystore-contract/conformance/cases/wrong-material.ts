import { EXACT_STATUSES } from '../../statuses.ts';
import type { ConformanceCase, Step } from '../case.ts';
import type { WrapVariant } from '../key-material.ts';
import { IS_ENABLED, STILL_WAITS } from './import-key.ts';
import { importing, INVALID, PENDING_KEY } from './requests.ts';

const { keyMaterial } = EXACT_STATUSES;

/** A wrong wrapping is refused, the key waits as before, and the right one is still taken. */
const spoiled = (variant: WrapVariant, refused: typeof INVALID): readonly Step[] => [
  ...PENDING_KEY,
  { wrap: '$parameters', variant, as: 'wrong' },
  { call: 'ImportKeyMaterial', request: importing('$wrong'), refused },
  STILL_WAITS,
  { wrap: '$parameters', as: 'right' },
  { call: 'ImportKeyMaterial', request: importing('$right'), answers: {} },
  IS_ENABLED,
];

const IMPORT_ROW = '7.3 ImportKeyMaterial, unwrapping failed, wrong size; B8';

const REJECTED: readonly (readonly [`${number}`, WrapVariant, string])[] = [
  ['01', 'flippedInKey', 'a bit changed in the wrapped one-time key'],
  ['02', 'flippedInMaterial', 'a bit changed in the wrapped material'],
  ['03', 'truncated', 'material that was cut short'],
  ['04', 'shortMaterial', 'material of 128 bits'],
  ['05', 'longMaterial', 'material of 384 bits'],
  ['06', 'otherHash', 'a wrapping with another hash function'],
  ['07', 'otherAlgorithm', 'a wrapping with another algorithm'],
  ['08', 'otherKey', 'a wrapping under another key'],
  ['09', 'noise', 'bytes that are no wrapping'],
];

const UNREADABLE: readonly (readonly [`${number}`, WrapVariant, string])[] = [
  ['10', 'notBase64', 'material that is no base64'],
  ['11', 'urlBase64', 'material in the other alphabet of base64'],
  ['12', 'empty', 'no material'],
  ['13', 'tooLong', 'more material than CMK lets through'],
];

export const WRONG_MATERIAL_CASES: readonly ConformanceCase[] = [
  ...REJECTED.map(([number, variant, title]): ConformanceCase => ({
    id: `BYOK-MATERIAL-${number}`,
    title,
    profiles: ['BYOK'],
    requirements: ['R-KEY-39', 'R-ERR-02'],
    row: IMPORT_ROW,
    steps: spoiled(variant, keyMaterial),
  })),
  ...UNREADABLE.map(([number, variant, title]): ConformanceCase => ({
    id: `BYOK-MATERIAL-${number}`,
    title,
    profiles: ['BYOK'],
    requirements: ['R-KEY-39', 'R-ERR-10'],
    row: '7.3 ImportKeyMaterial, not base64',
    steps: spoiled(variant, INVALID),
  })),
];
