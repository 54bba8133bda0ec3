import { X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';

import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import { type ClientCertificate, createCertificateReader } from '../../../src/openbao/client-certificate.ts';
import { createAuthority, type Identity } from '../../support/pki.ts';

// CMK's form: RSA-3072, key in a block `RSA PRIVATE KEY`, the chain in no particular order.
const CMK = { commonName: 'tenant-1', locality: 'eu10', algorithm: 'RSA-3072', keyFormat: 'pkcs1' } as const;

let identity: Identity;
let stranger: Identity;
let intermediatePem: string;
let rootPem: string;

beforeAll(async () => {
  const root = await createAuthority({ commonName: 'Root' });
  const intermediate = await root.subordinate({ commonName: 'Intermediate' });
  identity = await intermediate.issue(CMK);
  stranger = await root.issue({ commonName: 'tenant-1' });
  intermediatePem = intermediate.certificatePem;
  rootPem = root.certificatePem;
});

const reader = () => createCertificateReader(10);
function read(certificateChainPem: string, privateKeyPem: string, using = reader()): ClientCertificate {
  return using({ certificateChainPem, privateKeyPem: new Secret(privateKeyPem) });
}
const namesOf = (chain: string): string[] =>
  (chain.match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => /CN=(.*)/.exec(new X509Certificate(pem).subject)?.[1] ?? '',
  );

describe('certificate and key of a call', () => {
  it.each([
    ['leaf first', () => identity.certificatePem + intermediatePem + rootPem],
    ['leaf last', () => rootPem + intermediatePem + identity.certificatePem],
    ['leaf in the middle', () => intermediatePem + identity.certificatePem + rootPem],
    ['text between the blocks', () => `# leaf\r\n${rootPem}\n\n# more\n${identity.certificatePem}`],
  ])('are taken with the %s: TLS gets the leaf first', (_name, chain) => {
    const certificate = read(chain(), identity.privateKeyPem);
    expect(namesOf(certificate.chainPem)[0]).toBe('tenant-1');
    expect(namesOf(certificate.chainPem)).toHaveLength(namesOf(chain()).length);
  });

  it('are taken with one certificate, and with an EC key', () => {
    expect(namesOf(read(identity.certificatePem, identity.privateKeyPem).chainPem)).toEqual(['tenant-1']);
    expect(namesOf(read(stranger.certificatePem, stranger.privateKeyPem).chainPem)).toEqual(['tenant-1']);
  });

  it.each([
    ['a certificate that is not of the key', () => [stranger.certificatePem, identity.privateKeyPem], 'privateKey'],
    [
      'only the authorities of the certificate',
      () => [intermediatePem + rootPem, identity.privateKeyPem],
      'privateKey',
    ],
    ['a key that is none', () => [identity.certificatePem, 'CANARY'], 'privateKey'],
    ['a public key', () => [identity.certificatePem, publicKeyPem(identity)], 'privateKey'],
    ['a certificate in place of the key', () => [identity.certificatePem, identity.certificatePem], 'privateKey'],
    ['a key that is cut short', () => [identity.certificatePem, identity.privateKeyPem.slice(0, 400)], 'privateKey'],
    ['no certificate', () => ['CANARY', identity.privateKeyPem], 'clientCert'],
    [
      'a certificate that is cut short',
      () => [identity.certificatePem.slice(0, 400), identity.privateKeyPem],
      'clientCert',
    ],
    [
      'a block that is no certificate beside the good one',
      () => [
        `${identity.certificatePem}-----BEGIN CERTIFICATE-----\nCANARY\n-----END CERTIFICATE-----\n`,
        identity.privateKeyPem,
      ],
      'clientCert',
    ],
    [
      'more certificates than any chain has',
      () => [identity.certificatePem.repeat(11), identity.privateKeyPem],
      'clientCert',
    ],
  ])('R-AUTH-02 are refused with %s', (_name, pair, field) => {
    const [chain = '', key = ''] = pair();
    const error: unknown = attempt(() => read(chain, key));
    expect(error).toBeInstanceOf(KeystoreError);
    expect(error).toMatchObject({
      class: 'invalid-access-data',
      details: { fields: [field], accessDataReason: 'CANNOT_PARSE_DATA' },
    });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/CANARY|BEGIN/);
  });

  it('R-AUTH-04 have a fingerprint over both', () => {
    const own = read(identity.certificatePem, identity.privateKeyPem).fingerprint;
    expect(read(identity.certificatePem, identity.privateKeyPem).fingerprint).toBe(own);
    expect(read(identity.certificatePem + rootPem, identity.privateKeyPem).fingerprint).not.toBe(own);
    expect(read(identity.certificatePem, `${identity.privateKeyPem}\n`).fingerprint).not.toBe(own);
  });

  it('R-AUTH-04 a pair that was seen before lets no other key through', () => {
    const using = reader();
    read(identity.certificatePem, identity.privateKeyPem, using);
    expect(() => read(identity.certificatePem, stranger.privateKeyPem, using)).toThrow(KeystoreError);
  });

  it('are read in time that grows with their length only', () => {
    const hostile = `-----BEGIN CERTIFICATE-----${'A'.repeat(60_000)}`;
    const before = performance.now();
    expect(() => read(hostile, identity.privateKeyPem)).toThrow(KeystoreError);
    expect(() => read('-----BEGIN CERTIFICATE-----'.repeat(2000), identity.privateKeyPem)).toThrow(KeystoreError);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

function publicKeyPem({ certificatePem }: Identity): string {
  return new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'pem' });
}

function attempt(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
