import fc from 'fast-check';

import { KeystoreError } from '../../../src/keystore/errors.ts';
import { toAnswer } from '../../../src/openbao/answer.ts';
import { readKeyDescription } from '../../../src/openbao/key-data.ts';
import { keyData } from '../../support/fake-openbao.ts';

const NOW = 1_780_000_000;

const read = (changes: Record<string, unknown>, keyId = 'k') => {
  const body = { request_id: 'r-1', data: { ...keyData('k'), ...changes } };
  return readKeyDescription(keyId, toAnswer(200, JSON.stringify(body), undefined));
};
const classOf = (changes: Record<string, unknown>, keyId?: string): string => {
  try {
    read(changes, keyId);
    return 'none';
  } catch (error) {
    return error instanceof KeystoreError ? error.class : String(error);
  }
};

describe('description of a key', () => {
  it('R-KEY-02 says what Transit says', () => {
    const key = read({ latest_version: 3, min_decryption_version: 2, keys: { '3': NOW + 9, '2': NOW } });
    expect(key).toEqual({
      keyId: 'k',
      type: expect.objectContaining({ algorithm: 'AES256', managed: true }) as unknown,
      state: 'ENABLED',
      imported: false,
      latestVersion: 3,
      minDecryptionVersion: 2,
      versions: [
        { version: 2, creationTime: { seconds: NOW, nanos: 2000 } },
        { version: 3, creationTime: { seconds: NOW + 9, nanos: 3000 } },
      ],
    });
  });

  it('R-KEY-03 a soft-deleted key is disabled', () => {
    expect(read({ soft_deleted: true }).state).toBe('DISABLED');
  });

  it.each(['rsa-3072', 'rsa-4096'])('takes the time of a version of an %s key from its own field', (type) => {
    const version = { name: type, public_key: 'PEM', creation_time: '2026-06-01T10:00:00.987654321+02:00' };
    const [only] = read({ type, keys: { '1': version } }).versions;
    expect(only?.creationTime).toEqual({ seconds: Date.parse('2026-06-01T08:00:00Z') / 1000, nanos: 1000 });
  });

  it('R-KEY-07 orders versions by number, not by text', () => {
    const keys = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [String(12 - index), NOW]));
    const { versions } = read({ latest_version: 12, keys });
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('R-KEY-07 times strictly increase whatever the seconds of the server, and are equal in every answer', () => {
    const seconds = fc.array(fc.integer({ min: 1, max: 4_000_000_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(seconds, (times) => {
        const keys = Object.fromEntries(times.map((time, index) => [String(index + 1), time]));
        const { versions } = read({ latest_version: times.length, keys });
        const nanos = versions.map(({ creationTime: at }) => BigInt(at.seconds) * 1_000_000_000n + BigInt(at.nanos));
        for (const [index, at] of nanos.entries()) {
          if (index > 0) expect(at > nanos[index - 1]!).toBe(true);
          // A database with microseconds keeps the order.
          expect(at % 1000n).toBe(0n);
        }
        expect(read({ latest_version: times.length, keys }).versions).toEqual(versions);
      }),
    );
  });

  it('R-KEY-07 the time of a version stays when older ones are archived', () => {
    const all = read({ latest_version: 3, keys: { '1': NOW, '2': NOW, '3': NOW } });
    const rest = read({ latest_version: 3, min_decryption_version: 3, keys: { '3': NOW } });
    expect(rest.versions).toEqual(all.versions.slice(2));
  });

  it.each([
    ['another type', { type: 'ed25519' }],
    ['a type of a later release', { type: 'aes512' }],
    ['an external key', { type: 'external-key', keys: { '1': 'config:key' } }],
    ['an HMAC key, which lists no versions', { type: 'hmac', keys: undefined }],
    ['a derived key', { derived: true }],
    ['a key that cannot encrypt', { supports_encryption: false }],
    ['a key that cannot decrypt', { supports_decryption: false }],
  ])('R-KEY-06 cannot use %s', (_name, changes) => {
    expect(classOf(changes)).toBe('key-unusable');
  });

  it('does not believe an answer about another key', () => {
    expect(classOf({ name: 'other' })).toBe('malformed-answer');
    expect(classOf({}, 'other')).toBe('malformed-answer');
  });

  it.each([
    ['no type', { type: undefined }],
    ['a type that is no text', { type: 7 }],
    ['no versions', { keys: {} }],
    ['versions that are no object', { keys: [NOW] }],
    ['versions that are null', { keys: null }],
    ['a newest version that is not listed', { latest_version: 2 }],
    ['a version beyond the newest', { keys: { '1': NOW, '2': NOW } }],
    ['version zero', { keys: { '0': NOW, '1': NOW } }],
    ['a version with a sign', { keys: { '+1': NOW } }],
    ['a version that is a word', { keys: { '1': NOW, latest: NOW } }],
    ['a prototype name for a version', { keys: JSON.parse('{"1":1,"__proto__":1}') as unknown }],
    ['a time of zero', { keys: { '1': 0 } }],
    ['a negative time', { keys: { '1': -1 } }],
    ['a time with a fraction', { keys: { '1': 1.5 } }],
    ['a time beyond all integers', { keys: { '1': 1e300 } }],
    ['a time that is no time', { keys: { '1': { creation_time: 'soon' } } }],
    ['a time that is missing', { keys: { '1': {} } }],
    ['a time that is a text', { keys: { '1': '1780000000' } }],
    ['a newest version that is a text', { latest_version: '1' }],
    ['a newest version of zero', { latest_version: 0 }],
    ['a fraction of a version', { latest_version: 1.5 }],
    ['no floor', { min_decryption_version: undefined }],
    ['no word on the kill switch', { soft_deleted: undefined }],
    ['a text for the kill switch', { soft_deleted: 'false' }],
  ])('refuses %s', (_name, changes) => {
    expect(classOf(changes)).toBe('malformed-answer');
  });

  it('never throws anything else, whatever the data', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(keyData('k'))), fc.jsonValue()), (changes) => {
        expect(['none', 'malformed-answer', 'key-unusable']).toContain(classOf(changes));
      }),
    );
  });
});
