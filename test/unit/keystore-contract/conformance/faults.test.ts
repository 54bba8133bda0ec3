import { PROFILES } from '../../../../keystore-contract/conformance/case.ts';
import { CONFORMANCE_CASES } from '../../../../keystore-contract/conformance/cases/index.ts';
import { runConformance } from '../../../../keystore-contract/conformance/runner.ts';
import { KeystoreError } from '../../../../src/keystore/errors.ts';
import type { KeyDescription, Keystore } from '../../../../src/keystore/keystore.ts';
import { startMemoryPlugin } from '../../../support/memory-plugin.ts';

type Fault = readonly [what: string, change: (keystore: Keystore) => Partial<Keystore>, ...caught: string[]];

/** Answers one error in place of another. */
function renaming<Call extends (...input: never[]) => Promise<unknown>>(
  call: Call,
  from: KeystoreError['class'],
  to: KeystoreError['class'],
): Call {
  return ((...input: Parameters<Call>) =>
    call(...input).catch((error: unknown) => {
      throw error instanceof KeystoreError && error.class === from ? new KeystoreError(to, to) : error;
    })) as Call;
}

const done = (): Promise<void> => Promise.resolve();

const FAULTS: readonly Fault[] = [
  [
    'keeps what it has read of a key',
    ({ describeKey }) => {
      const kept = new Map<string, Promise<KeyDescription>>();
      return {
        describeKey(call, keyId) {
          const known = kept.get(keyId) ?? describeKey(call, keyId);
          kept.set(keyId, known);
          return known;
        },
      };
    },
    'HYOK-GETKEY-04',
    'HYOK-GETKEY-05',
    'HYOK-GETKEY-07',
    'BYOK-STATE-01',
    'DATA-STATUS-02',
  ],
  [
    'tells one time of all versions',
    ({ describeKey }) => ({
      async describeKey(call, keyId) {
        const key = await describeKey(call, keyId);
        if (key.state === 'PENDING_IMPORT') return key;
        const creationTime = { seconds: 1_800_000_000, nanos: 0 };
        return { ...key, versions: key.versions.map(({ version }) => ({ version, creationTime })) };
      },
    }),
    'HYOK-GETKEY-04',
    'HYOK-VERSIONS-02',
  ],
  [
    'takes a sealed keystore for one that refuses',
    ({ describeKey }) => ({ describeKey: renaming(describeKey, 'sealed', 'login-refused') }),
    'HYOK-REFUSED-04',
  ],
  [
    'takes a missing mount for a missing key',
    ({ describeKey }) => ({ describeKey: renaming(describeKey, 'mount-not-found', 'key-not-found') }),
    'HYOK-REFUSED-08',
    'HYOK-REFUSED-09',
  ],
  [
    'accepts any access data',
    ({ admission }) => ({ admission: { ...admission, checkAccessData: () => undefined } }),
    'HYOK-ACCESSDATA-03',
    'HYOK-ACCESSDATA-06',
    'HYOK-ACCESSDATA-09',
  ],
  [
    'gives up all regions for one',
    ({ admission }) => ({
      admission: {
        ...admission,
        describeRegions(keyId, json) {
          const described = admission.describeRegions(keyId, json);
          return described.unusableCount > 0 ? { ...described, usable: [] } : described;
        },
      },
    }),
    'HYOK-TRANSFORM-06',
  ],
  ['makes a key where it should wait', () => ({ createKey: () => Promise.resolve('ENABLED') }), 'BYOK-CREATEKEY-01'],
  [
    'gives parameters that are over',
    ({ getImportParameters }) => ({
      getImportParameters: async (call, keyId) => ({
        ...(await getImportParameters(call, keyId)),
        validTo: new Date(0),
      }),
    }),
    'BYOK-PARAMETERS-01',
  ],
  ['imports nothing and says it did', () => ({ importKeyMaterial: done }), 'BYOK-IMPORT-01', 'BYOK-MATERIAL-01'],
  [
    'makes a key of its own in place of the one that is brought',
    ({ createKey, deleteKey }) => ({
      async importKeyMaterial(call, { keyId }) {
        await deleteKey(call, keyId, {});
        await createKey(call, { keyId, origin: 'SYSTEM_MANAGED', algorithm: 'AES256' });
      },
    }),
    'BYOK-IMPORT-02',
    'BYOK-IMPORT-09',
  ],
  [
    'refuses an import that it has had',
    ({ importKeyMaterial }) => {
      const had = new Set<string>();
      return {
        async importKeyMaterial(call, input) {
          if (had.has(input.keyId)) throw new KeystoreError('key-not-importable', 'had');
          await importKeyMaterial(call, input);
          had.add(input.keyId);
        },
      };
    },
    'BYOK-IMPORT-03',
  ],
  ['disables nothing and says it did', () => ({ setKeyEnabled: done }), 'BYOK-STATE-01', 'BYOK-STATE-03'],
  [
    'cannot delete what is not there',
    ({ deleteKey, describeKey }) => ({
      async deleteKey(call, keyId, options) {
        await describeKey(call, keyId);
        await deleteKey(call, keyId, options);
      },
    }),
    'BYOK-DELETE-03',
    'BYOK-DELETE-04',
  ],
  [
    'binds nothing to associated data',
    ({ decrypt, encrypt }) => ({
      encrypt: (call, { associatedData: _, ...input }) => encrypt(call, input),
      decrypt: (call, { associatedData: _, ...input }) => decrypt(call, input),
    }),
    'DATA-BOUND-01',
    'DATA-BOUND-02',
  ],
  [
    'encrypts with the first version for ever',
    ({ encrypt }) => ({ encrypt: (call, input) => encrypt(call, { ...input, keyVersion: 1 }) }),
    'DATA-ENCRYPT-04',
  ],
  [
    'makes a missing key on the way',
    ({ createKey, encrypt }) => ({
      async encrypt(call, input) {
        await createKey(call, { keyId: input.keyId, origin: 'SYSTEM_MANAGED', algorithm: 'AES256' });
        return encrypt(call, input);
      },
    }),
    'DATA-ENCRYPT-07',
  ],
  [
    'tells why a ciphertext does not decrypt',
    ({ decrypt }) => ({ decrypt: renaming(decrypt, 'integrity-failure', 'invalid-ciphertext') }),
    'DATA-TAMPER-01',
    'DATA-TAMPER-02',
    'DATA-BOUND-01',
  ],
];

describe('a keystore that', () => {
  const rows = FAULTS.map(([what, change, ...caught]) => ({ what, change, caught }));

  it.each(rows)('$what is caught', async ({ caught, change }) => {
    await using plugin = await startMemoryPlugin('usual', (keystore) => ({ ...keystore, ...change(keystore) }));
    const cases = CONFORMANCE_CASES.filter(({ id }) => caught.includes(id));
    const results = await runConformance({ ...plugin, profiles: PROFILES, cases });
    expect(results.map(({ id, outcome }) => [id, outcome])).toEqual(cases.map(({ id }) => [id, 'failed']));
    expect(cases).toHaveLength(caught.length);
  });
});
