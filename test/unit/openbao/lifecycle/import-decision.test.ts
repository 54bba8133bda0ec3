import { keyTypeRow } from '../../../../src/keystore/key-types.ts';
import type { LiveKey } from '../../../../src/keystore/keystore.ts';
import { decideImport, type ImportStep } from '../../../../src/openbao/lifecycle/import-decision.ts';
import type { ImportMarker, MarkerContent } from '../../../../src/openbao/lifecycle/import-marker.ts';

const NOW = 1_700_000_000_000;
const [BLOB, OTHER] = ['a'.repeat(64), 'b'.repeat(64)];
const LIVE: LiveKey = {
  keyId: 'k',
  state: 'ENABLED',
  imported: true,
  type: keyTypeRow('aes256-gcm96')!,
  latestVersion: 1,
  minDecryptionVersion: 1,
  versions: [{ version: 1, creationTime: { seconds: 1, nanos: 0 } }],
};

function marker(content: MarkerContent | undefined): ImportMarker | undefined {
  return content && { ...content, algorithm: 'AES256', writer: '5a5bb2a4-6c86-4bd0-b3e5-0d8ad44a9b4c' };
}

const leased = (blob: string, leaseUntil: number): MarkerContent => ({ state: 'importing', blob, leaseUntil });

describe('R-KEY-35 an import, as the key and its marker stand,', () => {
  it.each<readonly [string, LiveKey | undefined, MarkerContent | undefined, ImportStep]>([
    ['of a key that nobody has created', undefined, undefined, 'unknown'],
    ['of a key that was created', undefined, { state: 'pending' }, 'take'],
    ['that another caller is at, with this material', undefined, leased(BLOB, NOW + 1), 'wait'],
    ['that another caller is at, with other material', undefined, leased(OTHER, NOW + 1), 'busy'],
    ['whose lease ends later than any that is given', undefined, leased(OTHER, NOW + 10 * 60_000), 'take'],
    ['of a key that was deleted', undefined, { state: 'deleted' }, 'unknown'],
    ['over a key that came after its deletion', LIVE, { state: 'deleted' }, 'refuse'],
    ['whose lease has just ended: clocks differ', undefined, leased(BLOB, NOW - 29_000), 'wait'],
    ['that was left, with this material', undefined, leased(BLOB, NOW - 31_000), 'take'],
    ['that was left, with other material', undefined, leased(OTHER, NOW - 31_000), 'take'],
    ['of a key that was destroyed after its import', undefined, { state: 'imported', blob: BLOB }, 'unknown'],
    ['over a key that is somebody else’s', LIVE, undefined, 'refuse'],
    ['over a key that came while it was pending', LIVE, { state: 'pending' }, 'refuse'],
    ['that is in and not noted yet', LIVE, leased(BLOB, NOW + 1), 'settle'],
    ['of other material that is in and not noted yet', LIVE, leased(OTHER, NOW - 31_000), 'refuse'],
    ['that was made', LIVE, { state: 'imported', blob: BLOB }, 'done'],
    ['of other material over one that was made', LIVE, { state: 'imported', blob: OTHER }, 'refuse'],
  ])('%s', (_name, key, content, step) => {
    expect(decideImport(key, marker(content), BLOB, NOW)).toBe(step);
  });
});
