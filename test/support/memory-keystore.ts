import { formatCiphertext, parseCiphertext } from '../../keystore-contract/ciphertext.ts';
import { createAdmission } from '../../src/config/admission.ts';
import type { PluginConfiguration } from '../../src/config/configuration.ts';
import type { KeystoreCall } from '../../src/keystore/call.ts';
import { KeystoreError } from '../../src/keystore/errors.ts';
import { keyTypeRow, type KeyTypeRow } from '../../src/keystore/key-types.ts';
import type {
  DecryptInput,
  DecryptOutput,
  EncryptInput,
  EncryptOutput,
  KeyDescription,
  Keystore,
  KeystoreHealth,
  RewrapInput,
} from '../../src/keystore/keystore.ts';
import { createKey, importKey, importParameters, refuse } from './memory-lifecycle.ts';
import { type MemoryKey, type MemoryVault, seal, unseal } from './memory-vault.ts';

const NO_BYTES = Buffer.alloc(0);

/** What stands before every key: each throws a `KeystoreError`, or returns. */
export interface Gate {
  /** What the plugin itself says of access data. */
  check(access: KeystoreCall['access']): void;
  /** What the other end says: that it is not there, or does not know the caller. */
  enter(access: KeystoreCall['access']): void;
}

/** A keystore on a vault in memory: the whole of the domain's contract without a server. */
export function openMemoryKeystore(vault: MemoryVault, configuration: PluginConfiguration, gate: Gate): Keystore {
  const served = new Set<string | undefined>();

  /** What every method does first, and then its work, which nothing can come between. */
  const perform = <T>(call: KeystoreCall, keyId: string | undefined, work: () => T): Promise<T> => {
    const attempt = (): T => {
      call.signal.throwIfAborted();
      gate.check(call.access);
      gate.enter(call.access);
      if (vault.sealed) throw refuse('sealed');
      served.add(call.access.address);
      if (keyId !== undefined && vault.denied.has(keyId)) throw denied(keyId);
      return work();
    };
    return new Promise((resolve) => {
      resolve(attempt());
    });
  };

  const usable = (keyId: string): { readonly key: MemoryKey; readonly row: KeyTypeRow } => {
    const key = vault.keys.get(keyId);
    if (key === undefined) throw refuse('key-not-found');
    const row = key.derived ? undefined : keyTypeRow(key.type);
    if (row === undefined) throw refuse('key-unusable');
    return { key, row };
  };

  const encrypt = ({ associatedData = NO_BYTES, keyId, keyVersion, plaintext }: EncryptInput): EncryptOutput => {
    const { key, row } = usable(keyId);
    if (key.softDeleted) throw refuse('key-disabled');
    if (associatedData.length > 0 && !row.supportsAssociatedData) throw invalid('associated_data');
    if (plaintext.length > (row.maxPlaintextBytes ?? Infinity)) throw invalid('plaintext');
    const version = keyVersion ?? key.versions.length;
    const payload = seal(versionOf(key, version), plaintext, associatedData);
    return { ciphertext: Buffer.from(formatCiphertext(version, payload)), keyVersion: version };
  };

  const decrypt = ({ associatedData = NO_BYTES, ciphertext, keyId }: DecryptInput): DecryptOutput => {
    const parsed = parseCiphertext(ciphertext);
    if (parsed === undefined) throw refuse('invalid-ciphertext');
    const { key } = usable(keyId);
    if (key.softDeleted) throw refuse('key-disabled');
    const version = versionOf(key, parsed.keyVersion);
    const payload = Buffer.from(parsed.text.slice(parsed.text.lastIndexOf(':') + 1), 'base64');
    try {
      return { plaintext: unseal(version, payload, associatedData), keyVersion: parsed.keyVersion };
    } catch {
      throw refuse('integrity-failure');
    }
  };

  const setEnabled = (keyId: string, enabled: boolean): void => {
    if (!vault.keys.has(keyId)) throw refuse('key-not-found');
    vault.softDelete(keyId, !enabled);
  };

  return {
    limits: { ...configuration.limits, maxVersions: configuration.keys.maxVersions ?? Infinity },
    admission: createAdmission(configuration),

    describeKey: (call, keyId) =>
      perform(call, keyId, (): KeyDescription => {
        if (!vault.keys.has(keyId) && vault.markers.get(keyId)?.state === 'pending') {
          return { keyId, state: 'PENDING_IMPORT', algorithm: 'AES256' };
        }
        const { key, row } = usable(keyId);
        return describe(keyId, key, row);
      }),
    encrypt: (call, input) => perform(call, input.keyId, () => encrypt(input)),
    decrypt: (call, input) => perform(call, input.keyId, () => decrypt(input)),
    rewrap: (call, input: RewrapInput) =>
      perform(call, input.keyId, () => {
        const { plaintext } = decrypt(input);
        const associatedData = input.newAssociatedData ?? input.associatedData ?? NO_BYTES;
        return encrypt({ keyId: input.keyId, plaintext, associatedData });
      }),

    createKey: (call, input) => perform(call, input.keyId, () => createKey(vault, input)),
    getImportParameters: (call, keyId) => perform(call, keyId, () => importParameters(vault, keyId)),
    importKeyMaterial: (call, input) => perform(call, input.keyId, () => importKey(vault, input)),
    setKeyEnabled: (call, keyId, enabled) => perform(call, keyId, () => setEnabled(keyId, enabled)),
    deleteKey: (call, keyId, { windowDays = 0 }) =>
      perform(call, keyId, () => {
        const destroys = configuration.keys.deletion === 'destroy';
        if (destroys && windowDays > 0) throw refuse('deletion-not-allowed');
        if (vault.keys.has(keyId) && !destroys) setEnabled(keyId, false);
        else {
          vault.keys.delete(keyId);
          vault.markers.delete(keyId);
        }
      }),

    async checkHealth(call, { deep }): Promise<KeystoreHealth> {
      const { testKey } = configuration.crypto;
      gate.check(call.access);
      if (deep) await perform(call, testKey, () => testKey && decrypt({ keyId: testKey, ...probe(testKey) }));
      const { address = 'memory' } = call.access;
      if (!served.has(call.access.address)) {
        const reason = 'no call has used this address yet';
        return { state: 'UNKNOWN', providerVersion: '', checkedAt: new Date(), endpoints: [], reason };
      }
      const state = vault.sealed ? 'UNAVAILABLE' : 'ACTIVE';
      const endpoints = [{ id: address, state, role: vault.sealed ? 'sealed' : 'active' }] as const;
      return { state, providerVersion: '1.0.0', checkedAt: new Date(), endpoints };
    },
    quiesce: () => undefined,
    close: () => Promise.resolve(),
  };

  function probe(keyId: string): { readonly ciphertext: Buffer } {
    return encrypt({ keyId, plaintext: Buffer.from('probe') });
  }
}

function describe(keyId: string, key: MemoryKey, type: KeyTypeRow): KeyDescription {
  const versions = key.versions.map(({ createdMs }, index) => ({
    version: index + 1,
    // Whole seconds and one microsecond a version, as the plugin tells Transit's times.
    creationTime: { seconds: Math.floor(createdMs / 1000), nanos: (index + 1) * 1000 },
  }));
  return {
    keyId,
    state: key.softDeleted ? 'DISABLED' : 'ENABLED',
    type,
    imported: key.imported,
    latestVersion: versions.length,
    minDecryptionVersion: key.minDecryptionVersion,
    versions: versions.filter(({ version }) => version >= key.minDecryptionVersion),
  };
}

function versionOf(key: MemoryKey, version: number) {
  const found = key.versions[version - 1];
  if (found === undefined) throw refuse('key-version-unknown');
  if (version < key.minDecryptionVersion) throw refuse('key-version-retired');
  return found;
}

function invalid(field: string): KeystoreError {
  return new KeystoreError('invalid-request', `${field} does not suit the key`, { fields: [field] });
}

function denied(keyId: string): KeystoreError {
  return new KeystoreError('permission-denied', 'denied', { policyPath: `transit/keys/${keyId}`, capability: 'read' });
}
