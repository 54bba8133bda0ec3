import { createHash } from 'node:crypto';

import { KeystoreError, type KeystoreErrorClass } from '../../keystore/errors.ts';
import type { ImportInput } from '../../keystore/key-lifecycle.ts';
import { toKeystoreError } from '../errors.ts';
import { keyVerbPath } from '../paths.ts';
import { delay } from '../waiting.ts';
import { findKey } from '../find-key.ts';
import { decideImport, type ImportStep } from './import-decision.ts';
import { readMarker, type StoredMarker, writeMarker } from './import-marker.ts';
import { checkImportParameters } from './import-parameters.ts';
import type { Turn } from '../turn.ts';
import { inAftermath } from './aftermath.ts';
import { writeThrough } from './write-through.ts';

/** An RSA-4096 block and 32 bytes under AES-KWP. */
const WRAPPED_AES256_BYTES = 512 + 40;
/** Longer than an import can take: whoever takes a marker over must be alone. */
const LEASE_MS = 180_000;
const POLL_MS = 100;

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
        if (taken !== undefined) return importTaken(turn, keyId, wrappedMaterial, taken, blob);
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

async function importTaken(
  turn: Turn,
  keyId: string,
  wrapped: Buffer,
  taken: StoredMarker,
  blob: string,
): Promise<void> {
  try {
    await inAftermath(turn, (after) => write(after, keyId, wrapped));
  } catch (error) {
    // Of an import without a clear outcome the marker must go on to tell, until its lease is over.
    if (!isUnclear(error)) await inAftermath(turn, (after) => writeMarker(after, keyId, taken, { state: 'pending' }));
    throw error;
  }
  await inAftermath(turn, (after) => settle(after, keyId, taken, blob));
}

async function write(turn: Turn, keyId: string, wrappedMaterial: Buffer): Promise<void> {
  const path = keyVerbPath(turn.mount, keyId, 'import');
  const context = { policyPath: path, capability: 'update' };
  const body = { type: 'aes256-gcm96', hash_function: 'SHA256', ciphertext: wrappedMaterial.toString('base64') };
  const { answer, mayBeEarlier } = await writeThrough(turn, keyId, { verb: 'write', path, body, context });
  if (answer.status < 300) return;
  const error = toKeystoreError(answer, context);
  if (error.class !== 'key-exists') throw error;
  // After a try without a clear outcome the key that is in the way may well be the one that it made.
  if (!mayBeEarlier) throw notImportable();
}

async function settle(turn: Turn, keyId: string, stored: StoredMarker, blob: string): Promise<void> {
  await requireOneVersion(turn, keyId);
  // Should somebody else have settled it, so much the better.
  await writeMarker(turn, keyId, stored, { state: 'imported', blob });
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
