import { KeystoreError } from '../../keystore/errors.ts';
import { toKeystoreError } from '../errors.ts';
import { keyPath, keyVerbPath } from '../paths.ts';
import { findKey } from '../find-key.ts';
import { removeMarker } from './import-marker.ts';
import { setKeyEnabled } from './set-enabled.ts';
import type { Turn } from '../turn.ts';
import { inAftermath } from './aftermath.ts';
import { writeThrough } from './write-through.ts';

export interface DeleteOptions {
  /** What the configuration says of deletions. */
  readonly deletion: 'softDelete' | 'destroy';
  readonly windowDays?: number;
}

const MAX_ROUNDS = 3;

/**
 * Disables a key for its owner to destroy, or destroys it at once. A key that is not there is done already; whatever is
 * noted about it goes with it, so that the name may be used again.
 *
 * @throws KeystoreError `deletion-not-allowed` when a deletion would have to be scheduled: nobody here keeps the time.
 */
export async function deleteKey(turn: Turn, keyId: string, { deletion, windowDays = 0 }: DeleteOptions): Promise<void> {
  if (deletion === 'destroy' && windowDays > 0) {
    throw new KeystoreError('deletion-not-allowed', 'a deletion cannot be scheduled');
  }
  const key = await findKey(turn, keyId);
  if (key !== undefined && deletion === 'softDelete') {
    await setKeyEnabled(turn, keyId, false);
    return;
  }
  if (key !== undefined) await destroy(turn, keyId);
  await inAftermath(turn, (after) => removeMarker(after, keyId));
}

async function destroy(turn: Turn, keyId: string): Promise<void> {
  await allowDeletion(turn, keyId);
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    await remove(turn, keyId);
    // A rotation at the same moment leaves the key alive in the memory of the active node; a second deletion ends that.
    if ((await inAftermath(turn, (after) => findKey(after, keyId))) === undefined) return;
  }
  turn.log.error({ key_id: keyId }, 'a key that was deleted is still there');
  throw new KeystoreError('key-state-diverged', 'the key is still there after its deletion');
}

// Only this one parameter: a policy can allow it and refuse every other one.
async function allowDeletion(turn: Turn, keyId: string): Promise<void> {
  const path = keyVerbPath(turn.mount, keyId, 'config');
  const context = { policyPath: path, capability: 'update' };
  const { answer } = await writeThrough(turn, keyId, {
    verb: 'write',
    path,
    body: { deletion_allowed: true },
    context,
  });
  if (answer.status !== 200) throwUnlessGone(toKeystoreError(answer, context));
}

async function remove(turn: Turn, keyId: string): Promise<void> {
  const path = keyPath(turn.mount, keyId);
  const context = { policyPath: path, capability: 'delete' };
  const { answer } = await writeThrough(turn, keyId, { verb: 'delete', path, context });
  if (answer.status !== 204) throwUnlessGone(toKeystoreError(answer, context));
}

// Another process may be deleting the key as well.
function throwUnlessGone(error: KeystoreError): void {
  if (error.class !== 'key-not-found') throw error;
}
