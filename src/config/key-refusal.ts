import { isKeyId } from '../../keystore-contract/key-id.ts';
import type { KeyCandidate } from '../keystore/admission.ts';
import type { KeyAlgorithmName } from '../keystore/key-types.ts';
import { isRegionLabel } from './path-rules.ts';

// CMK makes BYOK keys only, and imports AES256 only.
const MADE: Readonly<Record<'BYOK' | 'SYSTEM_MANAGED', readonly KeyAlgorithmName[]>> = {
  BYOK: ['AES256'],
  SYSTEM_MANAGED: ['AES256', 'RSA3072', 'RSA4096'],
};

/** See `Admission.refuseKey`. `regions` undefined: any. The texts hold nothing that CMK's HTML sanitiser would change. */
export function refuseKey(candidate: KeyCandidate, regions: readonly string[] | undefined): string | undefined {
  const { algorithm, kind, nativeKeyId, region } = candidate;
  if (kind === undefined) return 'the key type must be BYOK, HYOK or SYSTEM_MANAGED';
  if (kind === 'HYOK') return isKeyId(nativeKeyId) ? undefined : 'the native key id must be the name of a Transit key';
  const algorithms = MADE[kind];
  if (algorithm === undefined || !algorithms.includes(algorithm)) {
    return `the algorithm of a ${kind} key must be ${algorithms.join(' or ')}`;
  }
  if (region === '') return 'the region is missing';
  if (!isRegionLabel(region)) return 'the region is malformed';
  return regions === undefined || regions.includes(region) ? undefined : 'the region is not offered';
}
