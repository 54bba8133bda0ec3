import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';

import { stringify } from 'yaml';

import type { Capability, Stage } from '../../keystore-contract/conformance/stage.ts';
import { KeystoreError, type KeystoreErrorDetails } from '../../src/keystore/errors.ts';
import type { OpenKeystore } from '../../src/rpc/services.ts';
import { forgeExpiry, placesAround } from './conformance-stage.ts';
import { type Gate, openMemoryKeystore } from './memory-keystore.ts';
import { MemoryVault } from './memory-vault.ts';
import { createAuthority } from './pki.ts';

const ADDRESS = 'https://keystore.example.org';
const UNREACHABLE = 'https://dead.example.org';
const UNVISITED = 'https://lonely.example.org';
const KNOWN: readonly string[] = [ADDRESS, UNREACHABLE, UNVISITED];
const CREDENTIALS = ['clientCert', 'privateKey'];

/** A stage around a keystore in memory, what configures a plugin for it, and how the plugin opens it. */
export interface MemoryStage {
  readonly stage: Stage;
  readonly yaml: string;
  readonly openKeystore: OpenKeystore;
}

/** The two ways to configure a plugin where the contract leaves a choice; between them they offer all that a case needs. */
export const MEMORY_VARIANTS = {
  usual: { deletion: 'softDelete', region: 'eu10', lacks: ['deletionDestroys', 'noDefaultRegion'] },
  other: { deletion: 'destroy', region: undefined, lacks: ['deletionDisables', 'defaultRegion'] },
} as const satisfies Record<string, { readonly lacks: readonly Capability[] } & Record<string, unknown>>;

/** Everything that a case may need, without a server. */
export async function createMemoryStage(variant: keyof typeof MEMORY_VARIANTS): Promise<MemoryStage> {
  const { deletion, region } = MEMORY_VARIANTS[variant];
  const vault = new MemoryVault();
  const authority = await createAuthority({ commonName: 'Tenants' });
  const identity = await authority.issue({ commonName: 'tenant-1' });
  const stranger = await (await createAuthority({ commonName: 'Strangers' })).issue({ commonName: 'tenant-1' });
  for (const key of ['usable', 'denied']) vault.addVersion(key);
  vault.addVersion('rsa', { type: 'rsa-3072' });
  vault.addVersion('signing', { type: 'ed25519' });
  vault.addVersion('derived', { derived: true });
  vault.denied.add('denied');

  const place = { address: ADDRESS, mountPath: 'transit', authMountPath: 'cert', roleName: 'openkcm' };
  const values = {
    authType: 'AUTH_TYPE_CERTIFICATE',
    clientCert: identity.certificatePem,
    privateKey: identity.privateKeyPem,
    ...place,
  };
  const act = (work: (keyId: string) => void) => (keyId: string) => {
    work(keyId);
    return Promise.resolve();
  };
  const setSealed = (sealed: boolean) => () => {
    vault.sealed = sealed;
    return Promise.resolve();
  };
  return {
    yaml: stringify({
      openbao: { allowedAddresses: KNOWN.map((pattern) => ({ pattern })) },
      keys: { ...(region && { region }), regions: ['eu10', 'us-20'], deletion },
      crypto: { testKey: 'usable' },
    }),
    openKeystore: (configuration) =>
      Promise.resolve(openMemoryKeystore(vault, configuration, createGate(authority.certificatePem))),
    stage: {
      facts: {
        key: 'usable',
        values,
        missingKey: 'missing',
        deniedKey: 'denied',
        rsaKey: 'rsa',
        signingKey: 'signing',
        derivedKey: 'derived',
        ...(region && { defaultRegion: region }),
        keyRegion: 'eu10',
        foreignRegion: 'mars',
        oversizedPlaintext: Buffer.alloc(1024 * 1024 + 1),
        ...placesAround(values, {
          unreachable: UNREACHABLE,
          unvisited: UNVISITED,
          stranger,
          otherMount: 'store',
          missingMount: 'nowhere',
        }),
      },
      acts: {
        newKey: () => {
          const keyId = randomUUID();
          vault.addVersion(keyId);
          return Promise.resolve(keyId);
        },
        newId: () => Promise.resolve(randomUUID()),
        rotate: act((keyId) => vault.addVersion(keyId)),
        softDelete: act((keyId) => vault.softDelete(keyId, true)),
        restore: act((keyId) => vault.softDelete(keyId, false)),
        destroy: act((keyId) => vault.keys.delete(keyId)),
        retire: act((keyId) => vault.retire(keyId)),
        expire: (providerParams) => Promise.resolve(forgeExpiry(providerParams)),
        seal: setSealed(true),
        unseal: setSealed(false),
      },
      traits: [
        'callCertificate',
        'openBaoAccessData',
        'systemManagedKeys',
        'deepHealth',
        ...(variant === 'usual' ? (['deletionDisables'] as const) : (['deletionDestroys', 'noDefaultRegion'] as const)),
      ],
    },
  };
}

/** What the plugin, and then an OpenBao, would say of a call before they look at its key. */
function createGate(authorityPem: string): Gate {
  const authority = new X509Certificate(authorityPem);
  return {
    check({ address, certificate }) {
      const absent = [...(address === undefined ? ['address'] : []), ...(certificate ? [] : CREDENTIALS)];
      if (address === undefined || certificate === undefined) throw accessData('MISSING_FIELDS', absent);
      if (!KNOWN.includes(address)) throw accessData('CANNOT_PARSE_DATA', ['address']);
      const shown = readCertificate(certificate.certificateChainPem);
      if (!belongs(shown, certificate.privateKeyPem.reveal())) throw accessData('CANNOT_PARSE_DATA', ['privateKey']);
    },
    enter({ address, certificate, mountPath, namespace }) {
      if (address !== ADDRESS) throw new KeystoreError('unreachable', 'nobody is there');
      const shown = readCertificate(certificate?.certificateChainPem ?? '');
      if (!shown.verify(authority.publicKey)) throw new KeystoreError('login-refused', 'a stranger');
      if (namespace !== undefined) throw new KeystoreError('namespace-not-found', 'there are no namespaces');
      if (mountPath !== 'transit') throw new KeystoreError('mount-not-found', 'there is one mount');
    },
  };
}

function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw accessData('CANNOT_PARSE_DATA', ['clientCert']);
  }
}

function belongs(certificate: X509Certificate, privateKeyPem: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false;
  }
}

function accessData(reason: NonNullable<KeystoreErrorDetails['accessDataReason']>, fields: string[]): KeystoreError {
  return new KeystoreError('invalid-access-data', 'access data cannot be used', { fields, accessDataReason: reason });
}
