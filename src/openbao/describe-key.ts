import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import type { KeyDescription } from '../keystore/keystore.ts';
import { readFound } from './find-key.ts';
import { type ImportMarker, readMarker } from './lifecycle/import-marker.ts';
import type { Turn } from './turn.ts';

/**
 * The key as it is, or as it is to become.
 *
 * @throws KeystoreError `key-not-found`
 */
export async function describeKey(turn: Turn, keyId: string): Promise<KeyDescription> {
  const { call, mount, session } = turn;
  const key = await readFound(turn, keyId, await session.readKey(call, mount, keyId));
  if (key !== undefined) return key;
  const marker = await markerIfAny(turn, keyId);
  if (marker === undefined || marker.state === 'imported' || marker.state === 'deleted') {
    throw new KeystoreError('key-not-found', 'the key does not exist');
  }
  return { keyId, state: 'PENDING_IMPORT', algorithm: marker.algorithm };
}

// A key of a place that keeps no state is missing and nothing else.
async function markerIfAny(turn: Turn, keyId: string): Promise<ImportMarker | undefined> {
  if (turn.stateMount === undefined) return undefined;
  try {
    return (await readMarker(turn, keyId)).marker;
  } catch (error) {
    const notThere = error instanceof KeystoreError && NO_STATE.has(error.class);
    if (notThere && turn.stateMountMayBeMissing) return undefined;
    throw error;
  }
}

const NO_STATE: ReadonlySet<KeystoreErrorClass> = new Set(['permission-denied', 'mount-not-found']);
