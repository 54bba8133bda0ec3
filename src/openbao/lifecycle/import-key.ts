import { createHash } from 'node:crypto';

import { KeystoreError, type KeystoreErrorClass } from '../../keystore/errors.ts';
import type { ImportInput } from '../../keystore/key-lifecycle.ts';
import { toKeystoreError } from '../errors.ts';
import { keyVerbPath } from '../paths.ts';
import { delay } from '../waiting.ts';
import { findKey } from '../find-key.ts';
import { decideImport, type ImportStep } from './import-decision.ts';
import { LEASE_MS, POLL_MS, readMarker, type StoredMarker, writeMarker } from './import-marker.ts';
import { checkImportParameters } from './import-parameters.ts';
import type { Turn } from '../turn.ts';
import { inAftermath } from './aftermath.ts';
import { writeThrough } from './write-through.ts';

/** An RSA-4096 block and 32 bytes under AES-KWP. */
const WRAPPED_AES256_BYTES = 512 + 40;
/** From then on before the end of its lease an import is not begun: it must be over by then. */
const LEASE_RESERVE_MS = 110_000;

/**
 * Imports material once. With a state mount one of any number of importers in any number of processes takes the marker and
 * imports; the others wait for it if they bring the same material, and are refused if not.
 *
 * @throws KeystoreError `import-parameters-rejected`, `key-material-rejected`, `key-not-importable`, `key-not-found` for a
 * key that nobody has created; after each of them the import may be tried again.
 */
export async function importKey(turn: Turn, { keyId, providerParams, wrappedMaterial }: ImportInput): Promise<void> {
  await checkImportParameters(turn, keyId, providerParams);
  if (wrappedMaterial.length !== WRAPPED_AES256_BYTES) {
    throw new KeystoreError('key-material-rejected', 'the key material has the wrong length');
  }
  if (turn.stateMount === undefined) await importUnmarked(turn, keyId, wrappedMaterial);
  else await importMarked(turn, keyId, wrappedMaterial);
}

// Nobody keeps the state, so whoever finds the key there is refused, a repetition after a lost answer included.
async function importUnmarked(turn: Turn, keyId: string, wrappedMaterial: Buffer): Promise<void> {
  if ((await findKey(turn, keyId)) !== undefined) throw notImportable();
  await write(turn, keyId, wrappedMaterial);
  await inAftermath(turn, (after) => requireOneVersion(after, keyId));
}

async function importMarked(turn: Turn, keyId: string, wrappedMaterial: Buffer): Promise<void> {
  const blob = createHash('sha256').update(wrappedMaterial).digest('hex');
  for (;;) {
    const { step, stored } = await nextStep(turn, keyId, blob);
    switch (step) {
      case 'unknown':
        throw new KeystoreError('key-not-found', 'the key was not created');
      case 'refuse':
        throw notImportable();
      case 'busy':
        throw new KeystoreError('import-under-way', 'another import of the key is under way');
      case 'done':
        return;
      case 'settle':
        return inAftermath(turn, (after) => settle(after, keyId, stored, blob));
      case 'wait':
        await delay(turn.clock, POLL_MS, turn.call.signal);
        break;
      case 'take': {
        const lease = { state: 'importing', blob, leaseUntil: Date.now() + LEASE_MS } as const;
        const taken = await writeMarker(turn, keyId, stored, lease);
        if (taken !== undefined) return importTaken(turn, keyId, wrappedMaterial, { before: stored, taken, lease });
      }
    }
  }
}

// Key and marker are two reads, and between them another import may have come to its end.
async function nextStep(turn: Turn, keyId: string, blob: string): Promise<{ step: ImportStep; stored: StoredMarker }> {
  for (;;) {
    const stored = await readMarker(turn, keyId);
    const step = decideImport(await findKey(turn, keyId), stored.marker, blob, Date.now());
    if (step !== 'unknown' && step !== 'refuse') return { step, stored };
    if ((await readMarker(turn, keyId)).version === stored.version) return { step, stored };
  }
}

/** A marker that was taken: what was noted before, and until when it is ours. */
interface Hold {
  readonly before: StoredMarker;
  readonly taken: StoredMarker;
  readonly lease: { readonly blob: string; readonly leaseUntil: number };
}

async function importTaken(turn: Turn, keyId: string, wrapped: Buffer, hold: Hold): Promise<void> {
  const { lease, taken } = hold;
  try {
    await inAftermath(turn, (after) => write(after, keyId, wrapped, lease.leaseUntil - LEASE_RESERVE_MS));
  } catch (error) {
    if (!isUnclear(error)) await inAftermath(turn, (after) => giveUp(after, keyId, hold));
    throw error;
  }
  await inAftermath(turn, (after) => settle(after, keyId, taken, lease.blob));
}

// A key that is there although our import was refused is that of whoever held the marker before: his blob it must have been.
async function giveUp(turn: Turn, keyId: string, { before, taken }: Hold): Promise<void> {
  const theirs = before.marker?.state === 'importing' ? before.marker.blob : undefined;
  const isThere = (await findKey(turn, keyId)) !== undefined;
  const content =
    isThere && theirs !== undefined ? ({ state: 'imported', blob: theirs } as const) : ({ state: 'pending' } as const);
  await writeMarker(turn, keyId, taken, content);
}

async function write(turn: Turn, keyId: string, wrappedMaterial: Buffer, latestStart = Infinity): Promise<void> {
  const path = keyVerbPath(turn.mount, keyId, 'import');
  const context = { policyPath: path, capability: 'update' };
  const body = { type: 'aes256-gcm96', hash_function: 'SHA256', ciphertext: wrappedMaterial.toString('base64') };
  const requireLease = (): void => {
    if (Date.now() > latestStart) throw new KeystoreError('key-state-diverged', 'the lease of the import is over');
  };
  const isMade = async (): Promise<boolean> => {
    if ((await findKey(turn, keyId)) !== undefined) return true;
    requireLease();
    return false;
  };
  requireLease();
  // OpenBao imports without a transaction: an import that overlaps another one becomes a second version.
  const { answer, mayBeEarlier } = await writeThrough(turn, keyId, { verb: 'write', path, body, context }, isMade);
  if (answer.status < 300) return;
  const error = toKeystoreError(answer, context);
  if (error.class !== 'key-exists') throw error;
  // After a try without a clear outcome the key that is in the way may well be the one that it made.
  if (!mayBeEarlier) throw notImportable();
}

async function settle(turn: Turn, keyId: string, stored: StoredMarker, blob: string): Promise<void> {
  await requireOneVersion(turn, keyId);
  if ((await writeMarker(turn, keyId, stored, { state: 'imported', blob })) !== undefined) return;
  // Somebody else may have settled it. Anything else that was noted meanwhile is another story of the key.
  const { marker } = await readMarker(turn, keyId);
  if (marker?.state === 'imported' && marker.blob === blob) return;
  turn.log.error({ key_id: keyId, state: marker?.state }, 'a key was imported while something else was noted about it');
  throw new KeystoreError('key-state-diverged', 'something else was noted about the key during its import');
}

// Imports of one name that overlap all succeed, as one version each.
async function requireOneVersion(turn: Turn, keyId: string): Promise<void> {
  const key = await findKey(turn, keyId);
  if (key?.imported === true && key.latestVersion === 1) return;
  turn.log.error({ key_id: keyId, versions: key?.latestVersion ?? 0 }, 'an imported key is not as it was imported');
  throw new KeystoreError('key-state-diverged', 'the key is not as it was imported');
}

function isUnclear(error: unknown): boolean {
  return !(error instanceof KeystoreError) || UNCLEAR.has(error.class);
}

const UNCLEAR: ReadonlySet<KeystoreErrorClass> = new Set(['key-state-diverged', 'internal']);

function notImportable(): KeystoreError {
  return new KeystoreError('key-not-importable', 'the key has key material already');
}
