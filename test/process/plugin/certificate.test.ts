import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { status } from '@grpc/grpc-js';

import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { HealthService } from '../../../plugin-protocol/services.ts';
import { describeWithOpenssl, openssl } from '../../support/openssl.ts';
import { connectPlugin, type HostIdentity } from '../../support/plugin-connection.ts';
import { bundle, startPlugin, type ServingPlugin } from '../../support/plugin-process.ts';

const YEAR_MS = 365 * 24 * 3_600_000;

let plugin: ServingPlugin;

beforeAll(async () => {
  plugin = await startPlugin();
});

afterAll(async () => {
  await plugin.stop();
});

/** A TLS connection as far as the client can tell. Rejects when the handshake fails on the client's side. */
async function handshake(options: ConnectionOptions): Promise<TLSSocket> {
  const { certificatePem: cert, privateKeyPem: key } = plugin.own;
  const transport = connectSocket(plugin.socketPath);
  const socket = connect({
    socket: transport,
    ca: plugin.certificatePem,
    servername: 'localhost',
    cert,
    key,
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

const checkAs = (own?: HostIdentity) => {
  const stranger = connectPlugin(plugin, own);
  return stranger.refusal(HealthService.check, { service: 'plugin' }).finally(() => stranger.disconnect());
};

test('P11 R-PROC-06 field 6 is the certificate that TLS shows', async () => {
  const socket = await handshake({});
  expect(socket.getPeerX509Certificate()?.raw).toEqual(plugin.line.certificateDer);
  socket.destroy();
});

test('P12 R-PROC-06 the certificate of the executable: localhost, valid now, for both sides, positive serial', () => {
  const certificate = new X509Certificate(plugin.line.certificateDer!);
  expect(certificate.subjectAltName).toBe('DNS:localhost');
  expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now());
  expect(certificate.validToDate.getTime()).toBeGreaterThan(Date.now() + 29 * YEAR_MS);
  expect(certificate.keyUsage).toEqual(expect.arrayContaining(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']));
  expect(BigInt(`0x${certificate.serialNumber}`)).toBeGreaterThan(0n);
});

test('P12 every start has another certificate', async () => {
  await using other = await startPlugin({ program: bundle() });
  expect(other.line.certificateDer).not.toEqual(plugin.line.certificateDer);
});

test('P18 R-PROC-07 a client without a certificate is refused', async () => {
  expect(await checkAs()).toMatchObject({ code: status.UNAVAILABLE });
});

test('P19 R-PROC-07 a client with another certificate is refused', async () => {
  expect(await checkAs(createOneTimeCertificate())).toMatchObject({ code: status.UNAVAILABLE });
});

test('P19 refused clients leave the plugin as it was', async () => {
  await Promise.all(Array.from({ length: 20 }, () => checkAs(createOneTimeCertificate())));
  const garbage = connectSocket(plugin.socketPath);
  garbage.write('GET / HTTP/1.1\r\n\r\n');
  await once(garbage, 'close');
  expect(await plugin.call(HealthService.check, { service: 'plugin' })).toEqual({ status: 1 });
});

test('P20 R-PROC-07 ALPN selects h2, on TLS 1.2 and 1.3', async () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake({ ALPNProtocols: ['http/1.1', 'h2'], minVersion: version, maxVersion: version });
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, 'h2']);
    socket.destroy();
  }
});

test('P20 R-PROC-07 TLS 1.1 is refused by the plugin', async () => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  await expect(handshake(old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
});

test('a plaintext client gets nothing', async () => {
  const socket = connectSocket(plugin.socketPath);
  const received: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await once(socket, 'close');
  // At most a TLS alert.
  expect(Buffer.concat(received).length).toBeLessThan(10);
});

describeWithOpenssl('openssl s_client', () => {
  let folder: string;
  const own = (): string[] => ['-cert', join(folder, 'own.pem'), '-key', join(folder, 'own.key')];
  const connectWith = (...options: string[]): Promise<string> =>
    openssl('s_client', '-unix', plugin.socketPath, '-CAfile', join(folder, 'ca.pem'), '-showcerts', ...options);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openssl-'));
    const files = {
      'ca.pem': plugin.certificatePem,
      'own.pem': plugin.own.certificatePem,
      'own.key': plugin.own.privateKeyPem,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('P11 shows the certificate of field 6, and verifies it', async () => {
    const text = await connectWith(...own(), '-verify_hostname', 'localhost');
    const [pem] = /-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/.exec(text) ?? [];
    expect(new X509Certificate(pem!).raw).toEqual(plugin.line.certificateDer);
    expect(text).toContain('Verify return code: 0 (ok)');
  });

  test('P12 reads the certificate as go-plugin’s profile', async () => {
    const text = await openssl('x509', '-in', join(folder, 'ca.pem'), '-noout', '-text');
    for (const part of ['DNS:localhost', 'CA:TRUE', 'TLS Web Client Authentication, TLS Web Server Authentication']) {
      expect(text).toContain(part);
    }
    const structure = await openssl('asn1parse', '-in', join(folder, 'ca.pem'));
    expect(structure.match(/UTCTIME|GENERALIZEDTIME/g)).toEqual(['UTCTIME', 'GENERALIZEDTIME']);
  });

  test('P18 without a certificate the plugin ends the connection', async () => {
    expect(await connectWith('-tls1_2')).toMatch(/alert (?:handshake failure|certificate required)|alert number/i);
  });

  test('P20 negotiates h2', async () => {
    expect(await connectWith(...own(), '-alpn', 'h2')).toContain('ALPN protocol: h2');
  });
});
