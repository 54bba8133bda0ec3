// The self-signed certificate each side makes for one run (AutoMTLS), in the profile of go-plugin's mtls.go, on P-256.
// DER by hand: Node writes no X.509, and a library would double the time to the handshake line.
import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';

import { ProtocolError } from './errors.ts';

export interface OneTimeCertificate {
  readonly certificateDer: Buffer;
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly privateKeyPem: string;
}

const BACKDATED_MS = 30_000;
const VALID_MS = 262_980 * 3_600_000;

const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  organization: '55040a',
  commonName: '550403',
  subjectAlternativeName: '551d11',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  extendedKeyUsage: '551d25',
  subjectKeyIdentifier: '551d0e',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
} as const;

/** A fresh key and a certificate for `localhost`, usable by either end of the connection. */
export function createOneTimeCertificate(options: { now?: Date } = {}): OneTimeCertificate {
  const now = (options.now ?? new Date()).getTime();
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const name = distinguishedName('HashiCorp', 'localhost');
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(randomBytes(16)),
    algorithm,
    name,
    sequence(time(new Date(now - BACKDATED_MS)), time(new Date(now + VALID_MS))),
    name,
    publicKeyInfo,
    explicit(3, extensions(publicKeyInfo)),
  );
  const certificateDer = sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, privateKey)));
  return {
    certificateDer,
    certificatePem: certificatePemFromDer(certificateDer),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  };
}

export function certificatePemFromDer(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/**
 * The certificates in a PEM text, written anew: as in Go, other blocks and blocks that are no certificate are passed
 * over. Throws `ERR_CERTIFICATE` when none is left.
 */
export function readCertificatePem(text: string): string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const certificates = blocks.flatMap((block) => {
    try {
      return [certificatePemFromDer(new X509Certificate(block).raw)];
    } catch {
      return [];
    }
  });
  if (certificates.length === 0) throw new ProtocolError('ERR_CERTIFICATE', 'the PEM text holds no certificate');
  return certificates.join('');
}

function distinguishedName(organization: string, commonName: string): Buffer {
  const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), utf8String(value)));
  return sequence(attribute(OID.organization, organization), attribute(OID.commonName, commonName));
}

function extensions(publicKeyInfo: Buffer): Buffer {
  const critical = boolean(true);
  const extension = (type: string, ...rest: Buffer[]): Buffer => sequence(oid(type), ...rest);
  const keyIdentifier = createHash('sha256').update(publicKeyInfo).digest().subarray(0, 20);
  return sequence(
    // digitalSignature, keyEncipherment, keyAgreement, keyCertSign
    extension(OID.keyUsage, critical, octetString(Buffer.from('030202ac', 'hex'))),
    extension(OID.extendedKeyUsage, octetString(sequence(oid(OID.clientAuth), oid(OID.serverAuth)))),
    extension(OID.basicConstraints, critical, octetString(sequence(boolean(true)))),
    extension(OID.subjectKeyIdentifier, octetString(octetString(keyIdentifier))),
    extension(OID.subjectAlternativeName, octetString(sequence(element(0x82, Buffer.from('localhost', 'ascii'))))),
  );
}

function element(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts: Buffer[]): Buffer => element(0x30, ...parts);
const set = (...parts: Buffer[]): Buffer => element(0x31, ...parts);
const explicit = (tag: number, part: Buffer): Buffer => element(0xa0 + tag, part);
const oid = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'));
const utf8String = (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8'));
const octetString = (content: Uint8Array): Buffer => element(0x04, content);
const bitString = (content: Uint8Array): Buffer => element(0x03, Buffer.from([0]), content);
const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]));

/** A positive INTEGER from a big-endian magnitude: no superfluous zero bytes, a leading one where the sign bit is set. */
function integer(magnitude: Uint8Array): Buffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const bytes = first === -1 ? Buffer.from([1]) : magnitude.subarray(first);
  return element(0x02, ...((bytes[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : []), bytes);
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on, as RFC 5280 wants. */
function time(date: Date): Buffer {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(digits.slice(2), 'ascii'))
    : element(0x18, Buffer.from(digits, 'ascii'));
}
