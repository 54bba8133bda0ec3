import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import { KeystoreError } from '../../keystore/errors.ts';
import { type Answer, answerData, answerErrors, asObject } from '../answer.ts';
import { isNothingHere, malformedAnswer, toKeystoreError } from '../errors.ts';
import { secretPath } from '../paths.ts';
import { delay } from '../waiting.ts';
import type { Turn } from '../turn.ts';
import { writeThrough } from './write-through.ts';

// What Transit cannot hold: that a key was created and waits for its material, and whose material was taken. One secret of
// KV version 2 per key, written by check-and-set: of any number of writers in any number of processes one wins.

const common = { algorithm: z.literal('AES256'), writer: z.uuid() };
const blob = z.string().regex(/^[0-9a-f]{64}$/);

const markerSchema = z.discriminatedUnion('state', [
  z.object({ state: z.literal('pending'), ...common }),
  /** `blob` is the SHA-256 of the wrapped material; `leaseUntil` is wall-clock time in milliseconds. */
  z.object({ state: z.literal('importing'), blob, leaseUntil: z.int().positive(), ...common }),
  z.object({ state: z.literal('imported'), blob, ...common }),
  /** Whatever was noted before is over; the name is free again. */
  z.object({ state: z.literal('deleted'), ...common }),
]);

/** The state of a key whose material comes from outside. */
export type ImportMarker = z.output<typeof markerSchema>;

/** What a writer says; who it is gets added. */
export type MarkerContent =
  | { readonly state: 'pending' | 'deleted' }
  | { readonly state: 'importing'; readonly blob: string; readonly leaseUntil: number }
  | { readonly state: 'imported'; readonly blob: string };

/** A marker and the version of its secret; version 0 for one that was never written. */
export interface StoredMarker {
  readonly version: number;
  readonly marker: ImportMarker | undefined;
}

/**
 * Reads the marker of a key at the active node.
 *
 * @throws KeystoreError `mount-not-found` without a state mount, or when it is no KV version 2 mount.
 */
export async function readMarker(turn: Turn, keyId: string): Promise<StoredMarker> {
  const { data, version } = await readStored(turn, keyId);
  if (data === undefined) return { version, marker: undefined };
  const parsed = markerSchema.safeParse(data);
  if (!parsed.success) throw malformedAnswer();
  return { version, marker: parsed.data };
}

/** What is stored, whoever wrote it. */
async function readStored(turn: Turn, keyId: string): Promise<{ readonly version: number; readonly data?: unknown }> {
  const path = secretPath(stateMountOf(turn), keyId);
  const context = { policyPath: path, capability: 'read' };
  const answer = await turn.session.readOnActive(turn.call, path, context);
  if (isNothingHere(answer)) return { version: 0 };
  const version = asObject(answerData(answer)?.metadata)?.version;
  // A version that was deleted in KV answers 404 with what is known about it.
  if (answer.status === 404 && typeof version === 'number') return { version };
  if (answer.status !== 200) throw toKeystoreError(answer, context);
  // Version 1 of KV keeps whatever is written to it and counts no versions.
  if (typeof version !== 'number') throw noStateMount();
  return { version, data: answerData(answer)?.data };
}

/** Writes a marker over the version that was read. Undefined when somebody else was quicker. */
export async function writeMarker(
  turn: Turn,
  keyId: string,
  over: Pick<StoredMarker, 'version'>,
  content: MarkerContent,
): Promise<StoredMarker | undefined> {
  const path = secretPath(stateMountOf(turn), keyId);
  const context = { policyPath: path, capability: over.version === 0 ? 'create' : 'update' };
  const marker: ImportMarker = { ...content, algorithm: 'AES256', writer: randomUUID() };
  const body = { options: { cas: over.version }, data: marker };
  const { answer, mayBeEarlier } = await writeThrough(turn, keyId, { verb: 'write', path, body, context });
  if (answer.status === 200) return { version: writtenVersion(answer), marker };
  if (answer.status === 204) throw noStateMount();
  if (!isLostToAnother(answer)) throw toKeystoreError(answer, context);
  if (!mayBeEarlier) return undefined;
  const stored = await readMarker(turn, keyId);
  return stored.marker?.writer === marker.writer ? stored : undefined;
}

/**
 * Notes that the key is deleted, over whatever was noted, legible or not. An import that is under way is waited for: its
 * material would come to stay, and nobody would know of it. Without a state mount, or without a marker, nothing is done.
 */
export async function markDeleted(turn: Turn, keyId: string): Promise<'done' | 'changed'> {
  if (turn.stateMount === undefined) return 'done';
  for (;;) {
    const { data, version } = await readStored(turn, keyId);
    const marker = markerSchema.safeParse(data).data;
    if (version === 0 || marker?.state === 'deleted') return 'done';
    if (marker?.state === 'importing' && isLeased(marker, Date.now())) {
      await delay(turn.clock, POLL_MS, turn.call.signal);
      continue;
    }
    return (await writeMarker(turn, keyId, { version }, { state: 'deleted' })) === undefined ? 'changed' : 'done';
  }
}

/** Between two looks at a marker that somebody else holds. */
export const POLL_MS = 100;
/** Longer than an import can take: whoever takes a marker over must be alone. */
export const LEASE_MS = 300_000;
/** Allowance for clocks that differ between processes. */
const SKEW_MS = 30_000;

/** Whether an importer may still be at it. A lease that ends later than any that is given out counts for nothing. */
export function isLeased({ leaseUntil }: { readonly leaseUntil: number }, now: number): boolean {
  return now <= leaseUntil + SKEW_MS && leaseUntil <= now + LEASE_MS + SKEW_MS;
}

function stateMountOf({ stateMount }: Turn): string {
  if (stateMount === undefined) throw noStateMount();
  return stateMount;
}

function noStateMount(): KeystoreError {
  return new KeystoreError('mount-not-found', 'the state mount is no KV version 2 mount');
}

function writtenVersion(answer: Answer): number {
  const version = answerData(answer)?.version;
  if (typeof version !== 'number') throw noStateMount();
  return version;
}

function isLostToAnother(answer: Answer): boolean {
  const texts = answer.status === 400 ? answerErrors(answer) : undefined;
  return texts?.some((text) => text.includes(CAS_LOST)) ?? false;
}

const CAS_LOST = 'check-and-set parameter did not match';
