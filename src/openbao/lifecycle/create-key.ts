import { KeystoreError } from '../../keystore/errors.ts';
import type { CreateKeyInput } from '../../keystore/key-lifecycle.ts';
import { type KeyState, transitTypeOf } from '../../keystore/key-types.ts';
import type { LiveKey } from '../../keystore/keystore.ts';
import { answerData } from '../answer.ts';
import { malformedAnswer } from '../errors.ts';
import { CAPABILITIES_PATH, keyPath, keyVerbPath } from '../paths.ts';
import { findKey } from '../find-key.ts';
import { readMarker, writeMarker } from './import-marker.ts';
import type { Turn } from '../turn.ts';
import { inAftermath } from './aftermath.ts';
import { writeOrThrow } from './write-through.ts';

/**
 * Makes a key, or finds that it is there as asked for.
 *
 * @throws KeystoreError `key-exists` when the name belongs to a key of another kind; `key-unusable` when it belongs to one
 * that CMK cannot use.
 */
export async function createKey(turn: Turn, input: CreateKeyInput): Promise<KeyState> {
  const existing = await findKey(turn, input.keyId);
  if (input.origin === 'BYOK') return createShell(turn, input, existing);
  if (existing === undefined) await create(turn, input);
  return (await inAftermath(turn, (after) => requireAsAsked(after, input))).state;
}

// OpenBao takes a second creation for the first one whatever it asks for, so the answer is what is there.
async function create(turn: Turn, { algorithm, keyId }: CreateKeyInput): Promise<void> {
  const path = keyPath(turn.mount, keyId);
  const context = { policyPath: path, capability: 'update' };
  await writeOrThrow(turn, keyId, { verb: 'write', path, body: { type: transitTypeOf(algorithm) }, context }, 200);
}

async function requireAsAsked(turn: Turn, { algorithm, keyId }: CreateKeyInput): Promise<LiveKey> {
  const key = await findKey(turn, keyId);
  if (key === undefined) throw malformedAnswer();
  if (key.type.algorithm !== algorithm || key.imported) throw keyExists();
  return key;
}

// Transit has no key without material: import refuses a name that exists. So a key to come is a marker, or nothing at all.
async function createShell(turn: Turn, input: CreateKeyInput, existing: LiveKey | undefined): Promise<KeyState> {
  if (input.algorithm !== 'AES256') throw new KeystoreError('invalid-request', 'algorithm must be AES256 for BYOK');
  if (existing !== undefined) {
    // Of a key that exists CMK asks with GetKey what it is, and that answers only for keys that CMK can use.
    if (!existing.type.managed) throw new KeystoreError('key-unusable', 'the key is of a kind that CMK cannot use');
    if (existing.imported || (await isMarked(turn, input.keyId))) return existing.state;
    throw keyExists();
  }
  await requireRightToImport(turn, input.keyId);
  return turn.stateMount === undefined ? 'PENDING_IMPORT' : markPending(turn, input.keyId);
}

async function isMarked(turn: Turn, keyId: string): Promise<boolean> {
  if (turn.stateMount === undefined) return false;
  const { marker } = await readMarker(turn, keyId);
  return marker?.state === 'importing' || marker?.state === 'imported';
}

async function markPending(turn: Turn, keyId: string): Promise<KeyState> {
  for (;;) {
    const stored = await readMarker(turn, keyId);
    const state = stored.marker?.state;
    if (state === 'pending' || state === 'importing') return 'PENDING_IMPORT';
    // An import may have come to its end since we looked for the key. If it is gone all the same, somebody has destroyed
    // it in OpenBao, and the name is free again.
    const key = state === 'imported' ? await findKey(turn, keyId) : undefined;
    if (key !== undefined) return key.state;
    if ((await writeMarker(turn, keyId, stored, { state: 'pending' })) !== undefined) return 'PENDING_IMPORT';
  }
}

// Found out now, it costs the tenant nothing; found out at the import, it costs a wrapped key.
async function requireRightToImport({ call, mount, session }: Turn, keyId: string): Promise<void> {
  const path = keyVerbPath(mount, keyId, 'import');
  const context = { policyPath: path, capability: 'update' };
  const answer = await session.ask(call, CAPABILITIES_PATH, { paths: [path] });
  const capabilities = answerData(answer)?.[path];
  // The question itself needs a right, which the least policy need not give.
  if (answer.status !== 200 || !Array.isArray(capabilities)) return;
  if (capabilities.includes('update') || capabilities.includes('root')) return;
  throw new KeystoreError('permission-denied', 'OpenBao denies imports', context);
}

function keyExists(): KeystoreError {
  return new KeystoreError('key-exists', 'a key of this name exists and is of another kind');
}
