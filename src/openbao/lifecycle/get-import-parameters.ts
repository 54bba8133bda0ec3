import { KeystoreError } from '../../keystore/errors.ts';
import type { ImportParameters } from '../../keystore/key-lifecycle.ts';
import { findKey } from '../find-key.ts';
import { readMarker } from './import-marker.ts';
import { makeImportParameters } from './import-parameters.ts';
import type { Turn } from '../turn.ts';

/**
 * Parameters for an import that is still to come; any number of them may be alive.
 *
 * @throws KeystoreError `key-not-importable` when the key has material; `key-not-found` when nobody has created it and
 * the state of such keys is kept.
 */
export async function getImportParameters(turn: Turn, keyId: string): Promise<ImportParameters> {
  if ((await findKey(turn, keyId)) !== undefined) {
    throw new KeystoreError('key-not-importable', 'the key has key material already');
  }
  if (turn.stateMount !== undefined) {
    const { marker } = await readMarker(turn, keyId);
    const isExpected = marker?.state === 'pending' || marker?.state === 'importing';
    if (!isExpected) throw new KeystoreError('key-not-found', 'the key was not created');
  }
  return makeImportParameters(turn, keyId);
}
