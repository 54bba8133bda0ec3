import { parseConfiguration } from '../../../src/config/parse.ts';
import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import type { CallAccess } from '../../../src/keystore/call.ts';
import { createCertificateReader } from '../../../src/openbao/client-certificate.ts';
import { createTargetResolver, type Target } from '../../../src/openbao/target.ts';
import { createAuthority, type Identity } from '../../support/pki.ts';

const TYPE = 'KeystoreInstanceKeyOperation';
const ADDRESS = 'https://bao.example.com:8200';

let identity: Identity;
let other: Identity;

beforeAll(async () => {
  const authority = await createAuthority();
  identity = await authority.issue({ commonName: 'tenant-1' });
  other = await authority.issue({ commonName: 'tenant-1' });
});

function resolverOf(yaml: string) {
  const configuration = parseConfiguration(yaml, { type: TYPE });
  return createTargetResolver(configuration, createCertificateReader(10));
}

function failureOf(resolve: () => Target): Pick<KeystoreError, 'class' | 'details'> {
  try {
    resolve();
  } catch (error) {
    if (error instanceof KeystoreError) return { class: error.class, details: error.details };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('R-AUTH-03 a process identity', () => {
  const { configured, resolve } = resolverOf(`
openbao: {addresses: [${ADDRESS}, 'https://second.example.com'], namespace: team, transitMount: keys/transit}
auth: {method: approle, mount: approle/eu, roleId: r, secretId: {source: file, file: {path: /s}}}
`);

  it.each<[string, CallAccess]>([
    ['nothing', {}],
    [
      'what the configuration says',
      { address: ADDRESS, namespace: 'team', mountPath: 'keys/transit', authMountPath: 'approle/eu' },
    ],
    ['another spelling of the address', { address: 'HTTPS://BAO.example.com:8200/' }],
    ['another address of the cluster', { address: 'https://second.example.com:443' }],
  ])('goes where the configuration says when the call names %s', (_name, access) => {
    expect(resolve(access)).toMatchObject({
      cluster: { origins: [ADDRESS, 'https://second.example.com'] },
      namespace: 'team',
      transitMount: 'keys/transit',
      identity: { method: 'approle', mount: 'approle/eu' },
    });
  });

  it('is one session for all calls, whatever certificate they bring', () => {
    const certificate = { certificateChainPem: identity.certificatePem, privateKeyPem: new Secret('x') };
    const keys = [resolve({}), resolve({ address: ADDRESS }), resolve({ certificate })].map(
      (target) => target.sessionKey,
    );
    expect(new Set(keys).size).toBe(1);
  });

  it.each<[string, CallAccess, string[]]>([
    ['another host', { address: 'https://evil.example.com:8200' }, ['address']],
    ['another port', { address: 'https://bao.example.com:8201' }, ['address']],
    ['another scheme', { address: 'http://bao.example.com:8200' }, ['address']],
    ['a path', { address: `${ADDRESS}/v1` }, ['address']],
    ['a user', { address: 'https://user@bao.example.com:8200' }, ['address']],
    ['no address at all', { address: 'bao.example.com' }, ['address']],
    ['another namespace', { namespace: 'other' }, ['namespace']],
    ['a namespace below', { namespace: 'team/below' }, ['namespace']],
    ['another mount', { mountPath: 'transit' }, ['mountPath']],
    ['another auth mount', { authMountPath: 'approle' }, ['authMountPath']],
    ['a role', { roleName: 'admin' }, ['roleName']],
    ['several at once', { address: 'https://evil', roleName: 'admin' }, ['address', 'roleName']],
  ])('is not steered by %s', (_name, access, fields) => {
    expect(failureOf(() => resolve(access))).toEqual({
      class: 'invalid-access-data',
      details: { fields, accessDataReason: 'CANNOT_PARSE_DATA' },
    });
  });

  it('is only ever sent to the configured addresses', () => {
    expect(resolve({}).cluster).toBe(configured);
    expect(configured.origins).toEqual([ADDRESS, 'https://second.example.com']);
  });
});

describe('a certificate of the call', () => {
  const { configured, resolve } = resolverOf(`
development: true
openbao:
  addresses: ['https://own.example.com']
  namespace: default-ns
  allowedAddresses:
    - {pattern: ${ADDRESS}, ca: {value: CA-1}, serverName: inner.example.com}
    - {pattern: 'https://*.bao.example.org:8200', privateAddresses: true}
    - {pattern: 'http://localhost:8200'}
`);
  const access = (changes: CallAccess = {}, { certificatePem, privateKeyPem } = identity): CallAccess => ({
    address: ADDRESS,
    certificate: { certificateChainPem: certificatePem, privateKeyPem: new Secret(privateKeyPem) },
    ...changes,
  });
  const key = (...args: Parameters<typeof access>): string => resolve(access(...args)).sessionKey;

  it.each<[string, string[]]>([
    ['address', ['address']],
    ['certificate', ['clientCert', 'privateKey']],
  ])('R-AUTH-01 needs an address and a certificate: without %s', (field, fields) => {
    expect(failureOf(() => resolve({ ...access(), [field]: undefined }))).toEqual({
      class: 'invalid-access-data',
      details: { fields, accessDataReason: 'MISSING_FIELDS' },
    });
  });

  it('R-AUTH-01 names all that is missing', () => {
    expect(failureOf(() => resolve({})).details.fields).toEqual(['address', 'clientCert', 'privateKey']);
  });

  it('goes where the call says, with the trust of the entry that allows it', () => {
    const names = { namespace: 'n', mountPath: 'm', authMountPath: 'a', roleName: 'r' };
    expect(resolve(access(names))).toMatchObject({
      cluster: { origins: [ADDRESS], serverName: 'inner.example.com', allowPrivateAddresses: false },
      namespace: 'n',
      transitMount: 'm',
      identity: { method: 'callCertificate', mount: 'a', roleName: 'r' },
    });
  });

  it('takes what it does not name from the configuration', () => {
    const target = resolve(access({ address: 'https://x.bao.example.org:8200' }));
    expect(target).toMatchObject({
      cluster: { origins: ['https://x.bao.example.org:8200'], ca: undefined, allowPrivateAddresses: true },
      namespace: 'default-ns',
      transitMount: 'transit',
      identity: { mount: 'cert', roleName: undefined },
    });
  });

  it('may go to the addresses of the configuration too', () => {
    expect(resolve(access({ address: 'https://own.example.com/' })).cluster).toBe(configured);
  });

  it.each([
    ['another host', 'https://evil.example.com:8200'],
    ['another port', 'https://bao.example.com'],
    ['another scheme', 'http://bao.example.com:8200'],
    ['a label more than the wildcard stands for', 'https://a.b.bao.example.org:8200'],
    ['the parent of the wildcard', 'https://bao.example.org:8200'],
    ['a private address', 'https://10.0.0.1:8200'],
    ['the metadata service', 'http://169.254.169.254'],
    ['http on another loopback address', 'http://127.0.0.1:8200'],
  ])('R-CONF-19 goes nowhere else: %s', (_name, address) => {
    expect(failureOf(() => resolve(access({ address })))).toEqual({
      class: 'address-not-allowed',
      details: { fields: ['address'], accessDataReason: 'CANNOT_PARSE_DATA' },
    });
  });

  it.each([
    '',
    'bao.example.com',
    'ftp://bao.example.com:8200',
    `${ADDRESS}/v1`,
    `${ADDRESS}?x`,
    `${ADDRESS}#x`,
    'https://u:p@bao.example.com:8200',
    'https://bao.example.com.:8200',
    'https://bao.example.com:8200\n',
  ])('R-CONF-18 cannot read %j as an address', (address) => {
    expect(failureOf(() => resolve(access({ address })))).toMatchObject({ class: 'invalid-access-data' });
  });

  it('R-AUTH-04 shares a session only with the same certificate and key, place and role', () => {
    const changes: CallAccess[] = [
      { namespace: 'n' },
      { authMountPath: 'a' },
      { roleName: 'r' },
      { address: 'https://x.bao.example.org:8200' },
    ];
    const keys = [key(), ...changes.map((change) => key(change)), key({}, other)];
    expect(new Set(keys).size).toBe(keys.length);
    expect(key()).toBe(key());
  });

  it('the same identity on two mounts is one session', () => {
    expect(key({ mountPath: 'a' })).toBe(key({ mountPath: 'b' }));
  });

  it('no two names run together into one session', () => {
    expect(key({ namespace: 'a', authMountPath: 'b/c' })).not.toBe(key({ namespace: 'a/b', authMountPath: 'c' }));
    expect(key({ roleName: 'null' })).not.toBe(key());
  });

  it('R-SEC-01 a session key shows nothing of the certificate', () => {
    expect(key()).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('an empty configuration', () => {
  it('R-CONF-19 allows no address', () => {
    const { resolve } = resolverOf('');
    const certificate = {
      certificateChainPem: identity.certificatePem,
      privateKeyPem: new Secret(identity.privateKeyPem),
    };
    expect(failureOf(() => resolve({ address: ADDRESS, certificate })).class).toBe('address-not-allowed');
  });
});
