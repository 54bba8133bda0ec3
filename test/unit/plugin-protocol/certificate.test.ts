import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import {
  certificatePemFromDer,
  createOneTimeCertificate,
  readCertificatePem,
} from '../../../plugin-protocol/certificate.ts';
import { formatHandshakeLine, parseHandshakeLine } from '../../../plugin-protocol/handshake.ts';
import { protocolErrorOf } from '../../support/protocol-error.ts';
import * as x509 from '../../support/x509.ts';
import { HANDSHAKE_LINES } from '../../vectors/protocol.ts';

const COUNT = 400;
const certificates = Array.from({ length: COUNT }, () => createOneTimeCertificate());

/** Tag, content and total length of the DER element at an offset. */
function elementAt(der: Buffer, offset: number): { tag: number; content: Buffer; end: number } {
  const first = der[offset + 1]!;
  const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
  const size = sizeBytes === 0 ? first : der.readUIntBE(offset + 2, sizeBytes);
  const start = offset + 2 + sizeBytes;
  return { tag: der[offset]!, content: der.subarray(start, start + size), end: start + size };
}

/** The elements inside the TBSCertificate: version, serial number, signature, issuer, validity, subject … */
function toBeSigned(der: Buffer): { tag: number; content: Buffer }[] {
  const body = elementAt(elementAt(der, 0).content, 0).content;
  const elements = [];
  for (let offset = 0; offset < body.length;) {
    const element = elementAt(body, offset);
    elements.push(element);
    offset = element.end;
  }
  return elements;
}

describe(`P12: each of ${COUNT} certificates`, () => {
  test('is read whole by Node and by @peculiar/x509, and signed by its own key', async () => {
    for (const { certificateDer, certificatePem } of certificates) {
      const node = new X509Certificate(certificateDer);
      expect(node.raw.equals(certificateDer)).toBe(true);
      expect(new X509Certificate(certificatePem).raw.equals(certificateDer)).toBe(true);
      expect(node.verify(node.publicKey)).toBe(true);
      const other = new x509.X509Certificate(certificateDer);
      expect(Buffer.from(other.rawData).equals(certificateDer)).toBe(true);
      expect(await other.verify({ signatureOnly: true })).toBe(true);
    }
  });

  test("has go-plugin's profile, on P-256", () => {
    for (const { certificateDer } of certificates) {
      const node = new X509Certificate(certificateDer);
      expect(node.subject).toBe('O=HashiCorp\nCN=localhost');
      expect(node.issuer).toBe(node.subject);
      expect(node.subjectAltName).toBe('DNS:localhost');
      expect(node.checkHost('localhost')).toBe('localhost');
      expect(node.ca).toBe(true);
      expect(node.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });

      const other = new x509.X509Certificate(certificateDer);
      expect(other.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ critical: true, ca: true });
      expect(other.getExtension(x509.KeyUsagesExtension)).toMatchObject({
        critical: true,
        usages:
          x509.KeyUsageFlags.digitalSignature |
          x509.KeyUsageFlags.keyEncipherment |
          x509.KeyUsageFlags.keyAgreement |
          x509.KeyUsageFlags.keyCertSign,
      });
      expect(other.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([
        x509.ExtendedKeyUsage.clientAuth,
        x509.ExtendedKeyUsage.serverAuth,
      ]);
      expect(other.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId).toMatch(/^[0-9a-f]{40}$/);
    }
  });

  test('has a positive serial number in its shortest form, never twice', () => {
    const serials = certificates.map(({ certificateDer }) => {
      const { tag, content } = toBeSigned(certificateDer)[1]!;
      expect(tag).toBe(0x02);
      expect(content[0]!).toBeLessThan(0x80);
      if (content[0] === 0) expect(content[1]!).toBeGreaterThanOrEqual(0x80);
      expect(content.length).toBeLessThanOrEqual(17);
      return content.toString('hex');
    });
    expect(new Set(serials).size).toBe(COUNT);
    expect(new Set(serials.map((serial) => serial.length)).size).toBeGreaterThan(1);
  });

  test('is valid now, with slack backwards, for thirty years', () => {
    const now = Date.now();
    for (const { certificateDer } of certificates) {
      const { validFromDate, validToDate } = new X509Certificate(certificateDer);
      expect(validFromDate.getTime()).toBeLessThanOrEqual(now - 29_000);
      expect(validToDate.getTime() - validFromDate.getTime()).toBe(262_980 * 3_600_000 + 30_000);
    }
  });

  test('fits its private key', () => {
    for (const { certificateDer, privateKeyPem } of certificates) {
      const publicKey = createPublicKey(createPrivateKey(privateKeyPem));
      expect(new X509Certificate(certificateDer).publicKey.equals(publicKey)).toBe(true);
    }
  });

  test('P9, P10: travels through the handshake line, whatever its length', () => {
    const residues = new Set<number>();
    for (const { certificateDer } of certificates) {
      residues.add(certificateDer.length % 3);
      const line = formatHandshakeLine({
        appVersion: 1,
        network: 'unix',
        address: '/s',
        protocol: 'grpc',
        certificateDer,
      });
      expect(line.split('|')[5]).toMatch(/^[A-Za-z0-9+/]+\n$/);
      expect(parseHandshakeLine(line).certificateDer?.equals(certificateDer)).toBe(true);
    }
    expect([...residues].sort()).toEqual([0, 1, 2]);
  });
});

test.each([
  ['2049-12-31T23:59:59Z', 0x17, '491231235959Z'],
  ['2050-01-01T00:00:00Z', 0x18, '20500101000000Z'],
])('a validity that ends at %s is encoded as the standard wants', (end, tag, text) => {
  const now = new Date(Date.parse(end) - 262_980 * 3_600_000);
  const { certificateDer } = createOneTimeCertificate({ now });
  const validity = toBeSigned(certificateDer)[4]!.content;
  const notBefore = elementAt(validity, 0);
  const notAfter = elementAt(validity, notBefore.end);
  expect(notBefore.tag).toBe(0x17);
  expect([notAfter.tag, notAfter.content.toString()]).toEqual([tag, text]);
  expect(new X509Certificate(certificateDer).validToDate).toEqual(new Date(end));
});

describe('PEM', () => {
  test('is wrapped at 64 characters without an empty line, for every length', () => {
    for (let length = 1; length < 400; length += 1) {
      const bytes = Buffer.alloc(length, length);
      const lines = certificatePemFromDer(bytes).split('\n');
      expect(lines.at(-1)).toBe('');
      const body = lines.slice(1, -2);
      expect(body.every((line, index) => line.length === 64 || (index === body.length - 1 && line.length > 0))).toBe(
        true,
      );
      expect(Buffer.from(body.join(''), 'base64').equals(bytes)).toBe(true);
    }
  });

  const [ours, reference] = HANDSHAKE_LINES.good
    .flatMap(({ value }) => value.certificate ?? [])
    .map((base64) => certificatePemFromDer(Buffer.from(base64, 'base64'))) as [string, string];
  const { privateKeyPem } = certificates[0]!;

  test.each([
    { name: 'one certificate', pem: ours, read: ours },
    { name: 'several', pem: ours + reference, read: ours + reference },
    { name: 'CRLF, text around it', pem: `hello\n${ours.replaceAll('\n', '\r\n')}bye`, read: ours },
    { name: 'blocks of other types', pem: privateKeyPem + ours, read: ours },
    {
      name: 'a block that is no certificate',
      pem: certificatePemFromDer(Buffer.from('hello')) + reference,
      read: reference,
    },
    { name: 'no line feed at the end', pem: reference.trimEnd(), read: reference },
  ])('takes $name', ({ pem, read }) => {
    expect(readCertificatePem(pem)).toBe(read);
  });

  test.each([
    ['nothing', ''],
    ['text', 'certificate'],
    ['a private key', privateKeyPem],
    ['one line', ours.replaceAll('\n', '')],
    ['a block cut short', ours.slice(0, 300)],
    ['a block of something else', certificatePemFromDer(Buffer.from('hello'))],
  ])('refuses %s', (_name, pem) => {
    expect(protocolErrorOf(() => readCertificatePem(pem))?.code).toBe('ERR_CERTIFICATE');
  });
});
