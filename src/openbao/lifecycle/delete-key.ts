import { KeystoreError } from '../../keystore/errors.ts';
import { toKeystoreError } from '../errors.ts';
import { keyPath, keyVerbPath } from '../paths.ts';
import { findKey } from '../find-key.ts';
import { markDeleted } from './import-marker.ts';
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
  for (;;) {
    const key = await findKey(turn, keyId);
    if (key !== undefined && deletion === 'softDelete') return setKeyEnabled(turn, keyId, false);
    if (key !== undefined) await destroy(turn, keyId);
    // Until it is noted another process may still import the material.
    if ((await markDeleted(turn, keyId)) === 'done' && (key !== undefined || (await isGone(turn, keyId)))) return;
  }
}

async function isGone(turn: Turn, keyId: string): Promise<boolean> {
  return (await findKey(turn, keyId)) === undefined;
}

async function destroy(turn: Turn, keyId: string): Promise<void> {
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    await allowDeletion(turn, keyId);
    // With its protection off the key must not be left behind, whoever goes away now.
    const removed = await inAftermath(turn, (after) => remove(after, keyId, round === MAX_ROUNDS));
    // A rotation at the same moment leaves the key alive in the memory of the active node; a second deletion ends that.
    if (removed && (await inAftermath(turn, (after) => isGone(after, keyId)))) return;
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

/** False when others have forbidden it meanwhile, or their own change of the key took ours along. */
async function remove(turn: Turn, keyId: string, isLastRound: boolean): Promise<boolean> {
  const path = keyPath(turn.mount, keyId);
  const context = { policyPath: path, capability: 'delete' };
  const { answer } = await writeThrough(turn, keyId, { verb: 'delete', path, context });
  if (answer.status === 204) return true;
  const error = toKeystoreError(answer, context);
  if (error.class === 'deletion-not-allowed' && !isLastRound) return false;
  if (error.class !== 'key-not-found') {
    turn.log.warn({ key_id: keyId, class: error.class }, 'a key may be deleted now and was not');
    throw error;
  }
  return true;
}

// Another process may be deleting the key as well.
function throwUnlessGone(error: KeystoreError): void {
  if (error.class !== 'key-not-found') throw error;
}
