import { keyTypeRow, type KeyTypeRow } from '../keystore/key-types.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { Instant, KeyVersion, LiveKey } from '../keystore/keystore.ts';
import { type Answer, answerData, answerRequestId, asObject } from './answer.ts';
import { malformedAnswer } from './errors.ts';

/**
 * Reads the answer of `GET keys/<name>` with distrust.
 *
 * @throws KeystoreError `malformed-answer`, or `key-unusable` when the key is of a type that cannot serve as L1 key or
 * is derived, so that it would need a context with each call.
 */
export function readKeyDescription(keyId: string, answer: Answer): LiveKey {
  const data = answerData(answer);
  const requestId = answerRequestId(answer);
  const details = requestId === undefined ? {} : { openbaoRequestId: requestId };
  if (data?.name !== keyId || typeof data.type !== 'string') throw malformedAnswer(details);
  const type = usableType(data, details);
  const latestVersion = readVersionNumber(data.latest_version);
  const minDecryptionVersion = readVersionNumber(data.min_decryption_version);
  const softDeleted = data.soft_deleted;
  const versions = readVersions(data.keys, latestVersion);
  if (typeof softDeleted !== 'boolean' || versions.length === 0) throw malformedAnswer(details);
  return {
    keyId,
    type,
    state: softDeleted ? 'DISABLED' : 'ENABLED',
    imported: data.imported_key === true,
    latestVersion,
    minDecryptionVersion,
    versions,
  };
}

function usableType(data: Readonly<Record<string, unknown>>, details: object): KeyTypeRow {
  const type = keyTypeRow(String(data.type));
  const usable = data.derived === false && data.supports_encryption === true && data.supports_decryption === true;
  if (type === undefined || !usable) {
    throw new KeystoreError('key-unusable', 'the key is of a kind that cannot serve as L1 key', details);
  }
  return type;
}

function readVersionNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) throw malformedAnswer();
  return value;
}

// Transit keeps whole seconds for symmetric keys. CMK takes the version with the newest time as the newest version, so
// version n gets n microseconds on top: strictly increasing, and the same in every answer.
function readVersions(keys: unknown, latestVersion: number): KeyVersion[] {
  const versions: KeyVersion[] = [];
  let previous = -Infinity;
  for (const [id, value] of Object.entries(asObject(keys) ?? {}).sort(([a], [b]) => Number(a) - Number(b))) {
    const version = Number(id);
    const seconds = creationSeconds(value);
    if (!/^[1-9]\d{0,9}$/.test(id) || version > latestVersion || seconds === undefined) throw malformedAnswer();
    const micros = Math.max(seconds * 1_000_000 + version, previous + 1);
    previous = micros;
    versions.push({ version, creationTime: toInstant(micros) });
  }
  if (versions.at(-1)?.version !== latestVersion) throw malformedAnswer();
  return versions;
}

function creationSeconds(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? value : undefined;
  const time = asObject(value)?.creation_time;
  const ms = typeof time === 'string' ? Date.parse(time) : NaN;
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

function toInstant(micros: number): Instant {
  return { seconds: Math.floor(micros / 1_000_000), nanos: (micros % 1_000_000) * 1000 };
}
