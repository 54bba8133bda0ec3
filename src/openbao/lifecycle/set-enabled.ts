import { KeystoreError } from '../../keystore/errors.ts';
import { answerData } from '../answer.ts';
import { malformedAnswer, toKeystoreError } from '../errors.ts';
import { keyVerbPath } from '../paths.ts';
import { delay } from '../waiting.ts';
import { findKey } from '../find-key.ts';
import type { Turn } from '../turn.ts';
import { inAftermath } from './aftermath.ts';
import { writeThrough } from './write-through.ts';

/** How often the write is repeated when the state read back is not the one written. */
const MAX_ROUNDS = 3;
const READ_BACK_PAUSES_MS = [0, 150, 400];

/**
 * Restores or soft-deletes a key and reads it back. Written also when the key seems to be in that state: what the active
 * node shows may be a write that its storage never got, and the repetition makes it last.
 *
 * @throws KeystoreError `key-not-found`; `key-state-diverged` when somebody else keeps changing it back.
 */
export async function setKeyEnabled(turn: Turn, keyId: string, enabled: boolean): Promise<void> {
  if ((await findKey(turn, keyId)) === undefined) throw missing();
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    await writeState(turn, keyId, enabled);
    if (await inAftermath(turn, (after) => isReadBack(after, keyId, enabled))) return;
  }
  turn.log.error({ key_id: keyId }, 'the state of a key was changed back by others while it was being set');
  throw new KeystoreError('key-state-diverged', 'the state of the key does not stay as it was set');
}

async function writeState(turn: Turn, keyId: string, enabled: boolean): Promise<void> {
  const path = keyVerbPath(turn.mount, keyId, enabled ? 'soft-delete-restore' : 'soft-delete');
  const [verb, capability] = enabled ? (['write', 'update'] as const) : (['delete', 'delete'] as const);
  const context = { policyPath: path, capability };
  const { answer } = await writeThrough(turn, keyId, { verb, path, context });
  // OpenBao answers so for a key that it does not have.
  if (answer.status === 204) throw missing();
  if (answer.status !== 200) throw toKeystoreError(answer, context);
  if (answerData(answer)?.soft_deleted !== !enabled) throw malformedAnswer();
}

async function isReadBack(turn: Turn, keyId: string, enabled: boolean): Promise<boolean> {
  const wanted = enabled ? 'ENABLED' : 'DISABLED';
  for (const pauseMs of READ_BACK_PAUSES_MS) {
    if (pauseMs > 0) await delay(turn.clock, pauseMs, turn.call.signal);
    const key = await findKey(turn, keyId);
    if (key === undefined) throw missing();
    if (key.state === wanted) return true;
  }
  return false;
}

function missing(): KeystoreError {
  return new KeystoreError('key-not-found', 'the key does not exist');
}
