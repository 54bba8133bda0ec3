import { status } from '@grpc/grpc-js';

import { createKey, enableCertAuth } from '../../scripts/openbao/setup.ts';
import { CUSTOMER_ROLE } from '../support/customer.ts';
import { createAuthority } from '../support/pki.ts';
import { CANARY, cryptoOperation, keyOperation, type Stage } from './stage.ts';

const AUTHENTICATION = 'failed to authenticate with the keystore provider';
const ACCESS_DATA = { code: status.INVALID_ARGUMENT, message: 'invalid key access data' };

/** What the metadata say of an address that is well-formed and nobody has allowed. */
const NOT_ALLOWED = { fields: 'address', detail: 'NOT_ALLOWED' };

export function refusalContract(stage: Stage): void {
  beforeAll(async () => {
    await createKey(stage.customer.bao, { key: 'k' });
    await stage.configure('callCertificate');
  });

  /** What both faces refuse with; the second is the crypto face. */
  const refusals = async (values: Record<string, unknown>) => {
    const parameters = stage.parameters('k', values);
    return [
      await stage.refusal(keyOperation.getKey, { parameters }),
      await stage.refusal(cryptoOperation.encrypt, { parameters, plaintext: Buffer.from(CANARY) }),
    ];
  };
  const credentials = ({ certificatePem, privateKeyPem }: { certificatePem: string; privateKeyPem: string }) => ({
    clientCert: certificatePem,
    privateKey: privateKeyPem,
  });

  it('R-ERR-02 R-AUTH-20 a certificate that OpenBao does not know', async () => {
    const { stranger } = stage.customer;
    expect(await refusals(credentials(stranger))).toEqual([
      { code: status.INVALID_ARGUMENT, message: AUTHENTICATION, reason: 'LOGIN_REFUSED', metadata: {} },
      { code: status.UNAUTHENTICATED, message: AUTHENTICATION, reason: 'LOGIN_REFUSED', metadata: {} },
    ]);
  });

  it('a role that does not exist is a refused login', async () => {
    expect(await refusals({ roleName: 'nobody' })).toMatchObject([
      { message: AUTHENTICATION },
      { code: status.UNAUTHENTICATED },
    ]);
  });

  it('an auth mount that does not exist is a refused login', async () => {
    expect(await refusals({ authMountPath: 'nowhere' })).toMatchObject([
      { message: AUTHENTICATION },
      { code: status.UNAUTHENTICATED },
    ]);
  });

  it('R-ERR-04 an auth mount of another method is no refusal', async () => {
    expect(await refusals({ authMountPath: 'approle' })).toMatchObject([
      { code: status.UNAVAILABLE, reason: 'SERVER_ERROR' },
      { code: status.UNAVAILABLE, reason: 'SERVER_ERROR' },
    ]);
  });

  it('R-AUTH-05 old and new certificate of a tenant, and chains in any order, work side by side', async () => {
    const { bao } = stage.customer;
    const root = await createAuthority({ commonName: 'Tenants', algorithm: 'RSA-3072' });
    const issuer = await root.subordinate({ commonName: 'Tenants 2026', algorithm: 'RSA-3072' });
    await enableCertAuth(bao, { role: 'chained', policies: [CUSTOMER_ROLE], certificatePem: root.certificatePem });
    const subject = { commonName: 'tenant-7', locality: 'eu10', algorithm: 'RSA-3072', keyFormat: 'pkcs1' } as const;
    const [old, fresh] = [await issuer.issue(subject), await issuer.issue(subject)];
    for (const identity of [old, fresh, old]) {
      expect(identity.privateKeyPem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
      for (const clientCert of [
        identity.certificatePem + issuer.certificatePem,
        issuer.certificatePem + identity.certificatePem,
      ]) {
        const values = { clientCert, privateKey: identity.privateKeyPem, roleName: 'chained' };
        expect(await stage.call(keyOperation.getKey, { parameters: stage.parameters('k', values) })).toMatchObject({
          keyId: 'k',
        });
      }
    }
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['address', { address: undefined }, 'address'],
    ['certificate', { clientCert: undefined, privateKey: undefined, authType: undefined }, 'clientCert,privateKey'],
    [
      'certificate, although its type is given',
      { clientCert: undefined, privateKey: undefined },
      'clientCert,privateKey',
    ],
    ['key', { privateKey: '' }, 'privateKey'],
  ])('R-AUTH-01 R-CONF-17 R-ERR-02 access data without %s', async (_name, values, missingFields) => {
    for (const refusal of await refusals(values)) {
      expect(refusal).toEqual({ ...ACCESS_DATA, reason: 'MISSING_FIELDS', metadata: { missingFields } });
    }
  });

  it('R-CONF-19 R-ERR-02 access data with another address', async () => {
    for (const refusal of await refusals({ address: 'https://evil.example.com:8200' })) {
      expect(refusal).toEqual({ ...ACCESS_DATA, reason: 'CANNOT_PARSE_DATA', metadata: NOT_ALLOWED });
    }
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an address with a path', { address: 'https://127.0.0.1/x' }, 'address'],
    ['a mount that leads elsewhere', { mountPath: '../sys' }, 'mountPath'],
    ['a namespace that is no text', { namespace: 7 }, 'namespace'],
    ['a type that nobody knows', { authType: 'AUTH_TYPE_SECRET' }, 'authType'],
    ['a role with a slash', { roleName: 'a/b' }, 'roleName'],
    ['a certificate that is none', { clientCert: 'x' }, 'clientCert'],
    ['a key that is none', { privateKey: 'x' }, 'privateKey'],
  ])('R-CONF-15 R-CONF-19 R-ERR-02 access data with %s', async (_name, values, fields) => {
    for (const refusal of await refusals(values)) {
      expect(refusal).toEqual({ ...ACCESS_DATA, reason: 'CANNOT_PARSE_DATA', metadata: { fields } });
    }
  });

  it('R-AUTH-02 a key of another certificate', async () => {
    const { stranger } = stage.customer;
    for (const refusal of await refusals({ privateKey: stranger.privateKeyPem })) {
      expect(refusal).toMatchObject({ ...ACCESS_DATA, metadata: { fields: 'privateKey' } });
    }
  });

  describe('a process identity', () => {
    beforeAll(() => stage.configure('approle'));

    it.each<[string, Record<string, unknown>]>([
      ['address', { address: 'https://evil.example.com:8200' }],
      ['namespace', { namespace: 'other' }],
      ['mountPath', { mountPath: 'kv' }],
      ['authMountPath', { authMountPath: 'cert' }],
      ['roleName', { roleName: 'admin' }],
    ])('R-AUTH-03 is not steered by %s', async (field, values) => {
      for (const refusal of await refusals(values)) {
        expect(refusal).toEqual({ ...ACCESS_DATA, reason: 'CANNOT_PARSE_DATA', metadata: { fields: field } });
      }
    });

    it('takes what the configuration says, and the certificate that CMK sends along is not used', async () => {
      const { bao, stranger } = stage.customer;
      const values = { address: bao.address, mountPath: 'transit', ...credentials(stranger) };
      const parameters = stage.parameters('k', { authType: 'AUTH_TYPE_CERTIFICATE', ...values });
      expect(await stage.call(keyOperation.getKey, { parameters })).toMatchObject({ keyId: 'k' });
    });
  });

  describe('a connection that cannot be made', () => {
    const unavailable = (reason: string) => [
      expect.objectContaining({ code: status.UNAVAILABLE, reason }) as unknown,
      expect.objectContaining({ code: status.UNAVAILABLE, reason }) as unknown,
    ];
    const trust = async (changes: object) => {
      const { address } = stage.customer.bao;
      await stage.configure('callCertificate', {
        development: true,
        openbao: { allowedAddresses: [{ pattern: address, privateAddresses: true, ...changes }] },
      });
    };

    it('R-ERR-04 nobody listens there', async () => {
      await stage.configure('callCertificate', {
        openbao: { allowedAddresses: [{ pattern: 'https://127.0.0.1:1', privateAddresses: true }] },
      });
      expect(await refusals({ address: 'https://127.0.0.1:1' })).toEqual(unavailable('UNREACHABLE'));
    });

    it('R-ERR-04 R-SEC-04 the certificate of the server is of another authority', async () => {
      await trust({ ca: { value: (await createAuthority({ commonName: 'Other' })).certificatePem } });
      expect(await refusals({})).toEqual(unavailable('TLS_FAILURE'));
    });

    it('R-ERR-04 R-SEC-04 the certificate of the server is trusted by nobody', async () => {
      await trust({});
      expect(await refusals({})).toEqual(unavailable('TLS_FAILURE'));
    });

    it('R-ERR-04 R-SEC-04 the certificate of the server has another name', async () => {
      const ca = { source: 'file', file: { path: stage.customer.bao.caFile } };
      await trust({ ca, serverName: 'bao.example.com' });
      expect(await refusals({})).toEqual(unavailable('TLS_FAILURE'));
    });

    it('R-CONF-20 the name resolves to an address that is private', async () => {
      const { port } = new URL(stage.customer.bao.address);
      const address = `https://localhost:${port}`;
      const ca = { source: 'file', file: { path: stage.customer.bao.caFile } };
      await stage.configure('callCertificate', { openbao: { allowedAddresses: [{ pattern: address, ca }] } });
      for (const refusal of await refusals({ address })) {
        expect(refusal).toEqual({ ...ACCESS_DATA, reason: 'CANNOT_PARSE_DATA', metadata: NOT_ALLOWED });
      }
      await stage.configure('callCertificate', {
        openbao: { allowedAddresses: [{ pattern: address, ca, privateAddresses: true }] },
      });
      const parameters = stage.parameters('k', { address });
      expect(await stage.call(keyOperation.getKey, { parameters })).toMatchObject({ keyId: 'k' });
    });

    it('R-CONF-19 the address is private and written as such', async () => {
      const { address } = stage.customer.bao;
      await stage.configure('callCertificate', { openbao: { allowedAddresses: [{ pattern: address }] } });
      for (const refusal of await refusals({})) expect(refusal).toMatchObject(ACCESS_DATA);
    });
  });
}
