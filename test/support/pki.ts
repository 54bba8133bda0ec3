import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
  type JsonName,
  type X509Certificate,
} from './x509.ts';

/** The two kinds of key that the parties of this product use. */
export type PkiAlgorithm = 'RSA-3072' | 'P-256';

/** A distinguished name; its parts are written in this order. */
export interface Subject {
  readonly country?: string;
  readonly organization?: string;
  readonly organizationalUnits?: readonly string[];
  readonly locality?: string;
  readonly commonName: string;
}

/** What a leaf certificate says. Valid for an hour from five minutes ago unless told otherwise. */
export interface LeafOptions extends Subject {
  readonly algorithm?: PkiAlgorithm;
  /** `pkcs1` is the block `RSA PRIVATE KEY` (or `EC PRIVATE KEY` on P-256); `pkcs8`, the default, is `PRIVATE KEY`. */
  readonly keyFormat?: 'pkcs1' | 'pkcs8';
  readonly usage?: 'client' | 'server';
  /** DNS names and IP addresses; `localhost` and `127.0.0.1` for a server. */
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A certificate with its key, both PEM. */
export interface Identity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** A certificate authority. */
export interface Authority {
  readonly certificatePem: string;
  issue(options: LeafOptions): Promise<Identity>;
  /** An authority below this one; a chain is the leaf's PEM followed by its authorities'. */
  subordinate(options: Subject & { algorithm?: PkiAlgorithm }): Promise<Authority>;
}

const ALGORITHMS = {
  'RSA-3072': {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 3072,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  },
  'P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} as const;

const LOOPBACK = ['localhost', '127.0.0.1'];
const HOUR_MS = 3_600_000;
const CLOCK_SKEW_MS = 300_000;

/** A new authority that signs itself, on P-256 unless told otherwise. */
export async function createAuthority(
  options: Partial<Subject> & { readonly algorithm?: PkiAlgorithm } = {},
): Promise<Authority> {
  const { commonName = 'Test CA', algorithm = 'P-256' } = options;
  const keys = await generateKeys(algorithm);
  const name = nameOf({ ...options, commonName });
  return authority(await sign({ name, publicKey: keys.publicKey, issuer: name, signingKey: keys.privateKey }), keys);
}

function authority(certificate: X509Certificate, { privateKey: signingKey }: webcrypto.CryptoKeyPair): Authority {
  const issuer = certificate.subjectName.toJSON();
  return {
    certificatePem: pem(certificate),
    async issue(options) {
      const { algorithm = 'P-256', keyFormat = 'pkcs8' } = options;
      const { publicKey, privateKey } = await generateKeys(algorithm);
      const leaf = await sign({ name: nameOf(options), publicKey, issuer, signingKey, leaf: options });
      return { certificatePem: pem(leaf), privateKeyPem: exportKey(privateKey, algorithm, keyFormat) };
    },
    async subordinate(options) {
      const keys = await generateKeys(options.algorithm ?? 'P-256');
      return authority(await sign({ name: nameOf(options), publicKey: keys.publicKey, issuer, signingKey }), keys);
    },
  };
}

async function generateKeys(algorithm: PkiAlgorithm): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHMS[algorithm], true, ['sign', 'verify']);
}

async function sign(request: {
  name: JsonName;
  publicKey: CryptoKey;
  issuer: JsonName;
  signingKey: CryptoKey;
  /** Absent for an authority. */
  leaf?: LeafOptions;
}): Promise<X509Certificate> {
  const { name, publicKey, issuer, signingKey, leaf } = request;
  const now = Date.now();
  return X509CertificateGenerator.create({
    serialNumber: randomBytes(16).toString('hex').replace(/^./, '1'), // positive, and no leading zero
    subject: name,
    issuer,
    publicKey,
    signingKey,
    signingAlgorithm: ALGORITHMS[signingKey.algorithm.name === 'ECDSA' ? 'P-256' : 'RSA-3072'],
    notBefore: leaf?.notBefore ?? new Date(now - CLOCK_SKEW_MS),
    notAfter: leaf?.notAfter ?? new Date(now + HOUR_MS),
    extensions: leaf === undefined ? authorityExtensions() : leafExtensions(leaf),
  });
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function leafExtensions({ usage = 'client', hosts = usage === 'server' ? LOOPBACK : [] }: LeafOptions): Extension[] {
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host }));
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

function nameOf({ country, organization, organizationalUnits = [], locality, commonName }: Subject): JsonName {
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['C', country],
    ['O', organization],
    ...organizationalUnits.map((unit) => ['OU', unit] as const),
    ['L', locality],
    ['CN', commonName],
  ];
  return parts.flatMap(([type, value]) => (value === undefined ? [] : [{ [type]: [value] }]));
}

function exportKey(key: CryptoKey, algorithm: PkiAlgorithm, format: 'pkcs1' | 'pkcs8'): string {
  const type = format === 'pkcs8' ? 'pkcs8' : algorithm === 'P-256' ? 'sec1' : 'pkcs1';
  return KeyObject.from(key).export({ type, format: 'pem' });
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
