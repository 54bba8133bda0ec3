import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { KeystoreError } from '../keystore/errors.ts';
import type { CallCertificate } from '../keystore/call.ts';

/** A client certificate whose key was seen to match it. */
export interface ClientCertificate {
  /** PEM, the leaf first: TLS sends it as it stands. */
  readonly chainPem: string;
  readonly privateKeyPem: string;
  /** SHA-256 over certificates and key, hex. Equal exactly when both are. */
  readonly fingerprint: string;
}

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const MAX_CHAIN_LENGTH = 10;

/**
 * Checks certificates brought by calls. Checking costs a public-key operation and the same pair comes with every call,
 * so recent good pairs are remembered by fingerprint (certificate **and** key: naming a foreign certificate is not enough).
 */
export function createCertificateReader(maxRemembered: number): (certificate: CallCertificate) => ClientCertificate {
  const known = new LRUCache<string, string>({ max: maxRemembered });
  return ({ certificateChainPem, privateKeyPem }) => {
    const key = privateKeyPem.reveal();
    const fingerprint = createHash('sha256').update(certificateChainPem).update('\0').update(key).digest('hex');
    let chainPem = known.get(fingerprint);
    if (chainPem === undefined) {
      chainPem = orderedChain(certificateChainPem, key);
      known.set(fingerprint, chainPem);
    }
    return { chainPem, privateKeyPem: key, fingerprint };
  };
}

// CMK does not promise the order of the chain: the leaf is the certificate of the key.
function orderedChain(chainPem: string, keyPem: string): string {
  const blocks = chainPem.match(CERTIFICATE_BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length > MAX_CHAIN_LENGTH) throw unusable('clientCert');
  const key = attempt(() => createPrivateKey(keyPem), 'privateKey');
  // All of them are read: TLS would fail on the one that cannot be.
  const certificates = blocks.map((pem) => attempt(() => new X509Certificate(pem), 'clientCert'));
  const leaf = blocks[certificates.findIndex((certificate) => certificate.checkPrivateKey(key))];
  if (leaf === undefined) throw unusable('privateKey');
  return [leaf, ...blocks.filter((pem) => pem !== leaf)].map((pem) => `${pem}\n`).join('');
}

function attempt<T>(read: () => T, field: string): T {
  try {
    return read();
  } catch {
    throw unusable(field);
  }
}

function unusable(field: string): KeystoreError {
  return new KeystoreError('invalid-access-data', 'the client certificate and its key cannot be used', {
    fields: [field],
    accessDataReason: 'CANNOT_PARSE_DATA',
  });
}
