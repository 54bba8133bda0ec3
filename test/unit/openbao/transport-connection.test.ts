import { inspect } from 'node:util';

import { createTransport } from '../../../src/openbao/transport.ts';
import { cut, cutMidway, json, startFakeOpenBao, text } from '../../support/fake-openbao.ts';
import { createAuthority } from '../../support/pki.ts';
import { failureOf, get, plainServer, post, useStage } from './transport-fixture.ts';

const stage = useStage();

describe('R-SEC-04 the certificate of the server', () => {
  it('must come from the authority that is trusted', async () => {
    const { certificatePem: ca } = await createAuthority({ commonName: 'Another CA' });
    expect(await failureOf(() => get(stage.connect({ ca })))).toMatchObject({ class: 'tls-failure' });
  });

  it('is not taken on trust when no authority is configured', async () => {
    const options = { allowPrivateAddresses: true, maxConnections: 1, connectTimeoutMs: 5000, maxAnswerBytes: 1000 };
    const transport = createTransport({ origin: stage.fake.address, ...options });
    expect(await failureOf(() => get(transport))).toMatchObject({ class: 'tls-failure' });
    await transport.close();
  });

  it('must bear the name of the host, or the one that is configured', async () => {
    await using other = await startFakeOpenBao({ certificate: { hosts: ['bao.example.com'] } });
    other.on('GET', 'sys/health', json(200, {}));
    const at = { origin: other.address, ca: other.caPem };
    expect(await failureOf(() => get(stage.connect(at)))).toMatchObject({
      class: 'tls-failure',
      details: { cause: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    expect(await get(stage.connect({ ...at, serverName: 'bao.example.com' }))).toMatchObject({ status: 200 });
    expect(await failureOf(() => get(stage.connect({ ...at, serverName: 'other.example.com' })))).toMatchObject({
      class: 'tls-failure',
    });
  });

  it.each([
    ['must not have expired', { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 1000) }],
    ['must be valid already', { notBefore: new Date(Date.now() + 3_600_000), notAfter: new Date(Date.now() + 7e6) }],
    ['must be one for servers', { usage: 'client', hosts: ['127.0.0.1'] } as const],
  ])('%s', async (_name, certificate) => {
    await using other = await startFakeOpenBao({ certificate });
    expect(await failureOf(() => get(stage.connect({ origin: other.address, ca: other.caPem })))).toMatchObject({
      class: 'tls-failure',
    });
    expect(other.requests).toEqual([]);
  });

  it.each([
    ['an authority that is no certificate', { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }],
    ['a client certificate that is none', { clientCertificate: { chainPem: 'x', privateKeyPem: 'y' } }],
  ])('with %s there is no connection', async (_name, options) => {
    const request = async (): Promise<unknown> => get(stage.connect(options));
    expect(await failureOf(request)).toMatchObject({ class: 'tls-failure' });
  });

  it('a server that does not speak TLS is none', async () => {
    await using plain = await plainServer('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await failureOf(() => get(stage.connect({ origin: plain.origin })))).toMatchObject({ class: 'tls-failure' });
  });
});

describe('R-ERR-04 a connection that fails', () => {
  it('is refused', async () => {
    expect(await failureOf(() => get(stage.connect({ origin: 'https://127.0.0.1:1' })))).toMatchObject({
      class: 'unreachable',
      details: { cause: 'ECONNREFUSED' },
    });
  });

  it('is not answered in time', async () => {
    await using silent = await plainServer('');
    const transport = stage.connect({ origin: silent.origin, connectTimeoutMs: 100 });
    expect(await failureOf(() => get(transport))).toMatchObject({
      class: 'unreachable',
      details: { cause: 'UND_ERR_CONNECT_TIMEOUT' },
    });
  });

  it('is to a name that nobody knows', async () => {
    expect(await failureOf(() => get(stage.connect({ origin: 'https://nobody.invalid' })))).toMatchObject({
      class: 'unreachable',
    });
  });

  it.each([
    ['instead of an answer', cut],
    ['in the middle of an answer', cutMidway],
  ])('is cut %s', async (_name, reply) => {
    stage.fake.on('GET', 'cut', reply);
    expect(await failureOf(() => get(stage.connect(), '/v1/cut'))).toMatchObject({ class: 'unreachable' });
  });

  it('R-SEC-01 carries nothing of the request in any form of printing', async () => {
    const transport = stage.connect();
    for (const reply of [cut, cutMidway, text(200, 'x'.repeat(2000))]) {
      stage.fake.on('POST', 'secret', reply);
      const error = await failureOf(() => post(transport, '/v1/secret'));
      const printed = [
        String(error),
        error.stack,
        JSON.stringify(error),
        inspect(error, { depth: 9, showHidden: true }),
      ];
      expect(printed.join()).not.toContain('CANARY');
    }
  });
});

describe('R-CONF-20 addresses that are not public', () => {
  it.each(['https://127.0.0.1:8200', 'https://[::1]:8200', 'https://10.0.0.1', 'https://[::ffff:169.254.169.254]'])(
    '%s is not even tried',
    (origin) => {
      expect(() => stage.connect({ origin, allowPrivateAddresses: false })).toThrow(
        expect.objectContaining({ class: 'address-not-allowed' }) as Error,
      );
    },
  );

  it('a name is checked by what it resolves to, when the connection is made', async () => {
    const before = stage.fake.attempts;
    const transport = stage.connect({ origin: `https://localhost:${stage.fake.port}`, allowPrivateAddresses: false });
    expect(await failureOf(() => get(transport))).toMatchObject({
      class: 'address-not-allowed',
      details: { fields: ['address'], accessDataReason: 'CANNOT_PARSE_DATA' },
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(stage.fake.attempts).toBe(before);
  });

  it('the same name may be used where private addresses are allowed', async () => {
    stage.fake.on('GET', 'sys/health', json(200, {}));
    expect(await get(stage.connect({ origin: `https://localhost:${stage.fake.port}` }))).toMatchObject({ status: 200 });
  });
});
