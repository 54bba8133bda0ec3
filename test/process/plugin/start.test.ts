import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';

import { status, type ServiceError } from '@grpc/grpc-js';

import { PLUGIN_TYPES, SERVICE_DEFINITIONS, type PluginType } from '../../../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { HealthService } from '../../../plugin-protocol/services.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { rawMethod } from '../../support/plugin-connection.ts';
import { bundle, spawnPlugin, startPlugin, type Program, type SpawnOptions } from '../../support/plugin-process.ts';

const TYPES = Object.keys(PLUGIN_TYPES) as PluginType[];
const BARE_START = 'This binary is a plugin. These are not meant to be executed directly.';

const programs = (): [string, Program][] => [
  ['executable', [builtPlugin()]],
  ['bundle', bundle()],
];

/** The fields of the handshake line, and that nothing else was written to stdout. */
async function handshakeFields(options: SpawnOptions): Promise<string[]> {
  await using plugin = await startPlugin(options);
  await plugin.stop();
  expect(plugin.output.stdout.endsWith('\n')).toBe(true);
  return plugin.output.stdout.slice(0, -1).split('|');
}

/** The error line of a plugin that refuses to start. */
async function refusedStart(variables: Record<string, string | undefined>): Promise<unknown> {
  await using plugin = await spawnPlugin({ variables });
  expect(await plugin.ended).toEqual({ code: 1, signal: null });
  expect(plugin.output.stdout).toBe('');
  expect(plugin.log().map(({ level, message }) => `${level} ${message}`)).toEqual(['error plugin init error']);
  return plugin.log()[0]!.fields.err;
}

describe.each(programs())('started by hand, the %s', (_, [file, ...args]) => {
  test.each([
    ['P1 without a cookie', {}],
    ['P2 with a cookie of another value', { [TYPES[0]!]: 'x' }],
    ['P2 with an empty cookie', { [TYPES[0]!]: '' }],
    ['P2 with the cookie of a type it does not serve', { CertificateIssuerService: 'CertificateIssuerService' }],
  ])('R-PROC-01 %s: short text on stderr, nothing on stdout, code 1', (_name, variables) => {
    const { status, stdout, stderr } = spawnSync(file, args, { env: variables, encoding: 'utf8', cwd: tmpdir() });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.split('\n')[0]).toBe(BARE_START);
    expect(stderr.split('\n').length).toBeLessThan(10);
  });
});

describe.each(programs())('the handshake of the %s', (_, program) => {
  test('P3 R-PROC-03 is the first and only line of stdout, and ends in one LF', async () => {
    await using plugin = await startPlugin({ program });
    await plugin.call(HealthService.check, { service: 'plugin' });
    await plugin.stop();
    expect(plugin.output.stdout).toMatch(/^1\|1\|unix\|\/[^|\n]+\|grpc\|[^|\n]+\n$/);
  });

  test.each(TYPES)('a cookie selects the type: %s', async (type) => {
    await using plugin = await startPlugin({ program, type });
    const ofType: readonly string[] = ['bootstrap', ...PLUGIN_TYPES[type].named, ...PLUGIN_TYPES[type].unnamed];
    for (const [service, definition] of Object.entries(SERVICE_DEFINITIONS)) {
      const [method] = Object.values<{ path: string }>(definition);
      const answer = plugin.call(rawMethod(method!.path), Buffer.alloc(0)).then(
        () => status.OK,
        (error: unknown) => (error as ServiceError).code,
      );
      expect([service, (await answer) !== status.UNIMPLEMENTED]).toEqual([service, ofType.includes(service)]);
    }
  });
});

test.each([
  ['unset', undefined],
  ['empty', ''],
])('P4 R-PROC-03 six fields when PLUGIN_MULTIPLEX_GRPC is %s', async (_, value) => {
  expect(await handshakeFields({ variables: { PLUGIN_MULTIPLEX_GRPC: value } })).toHaveLength(6);
});

test.each(['true', 'false'])('P5 R-PROC-03 a seventh field, false, when PLUGIN_MULTIPLEX_GRPC is %s', async (value) => {
  const fields = await handshakeFields({ variables: { PLUGIN_MULTIPLEX_GRPC: value } });
  expect(fields).toHaveLength(7);
  expect(fields[6]).toBe('false');
});

test.each([
  ['1', '1'],
  ['3,1,2', '3,1,2'],
  ['9', '9'],
  ['x,1', 'x,1'],
  ['nothing', ''],
  ['no variable', undefined],
  ['ten thousand', '1,'.repeat(10_000)],
])('P7 R-PROC-04 field 2 is 1, the only version, when the host offers %s', async (_, versions) => {
  expect((await handshakeFields({ variables: { PLUGIN_PROTOCOL_VERSIONS: versions } }))[1]).toBe('1');
});

test.each([
  ['unset', undefined],
  ['empty', ''],
])('P8 P22 R-PROC-05 without mutual TLS there is no start: PLUGIN_CLIENT_CERT %s', async (_, value) => {
  expect(await refusedStart({ PLUGIN_CLIENT_CERT: value })).toMatch(/PLUGIN_CLIENT_CERT is not set.*mutual TLS/);
});

test.each([
  ['text', 'CANARY'],
  ['a private key', createOneTimeCertificate().privateKeyPem],
  ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'],
])('P8 R-PROC-05 a PLUGIN_CLIENT_CERT that is %s is refused without repeating it', async (_, value) => {
  const message = await refusedStart({ PLUGIN_CLIENT_CERT: value });
  expect(message).toMatch(/PLUGIN_CLIENT_CERT/);
  expect(message).not.toContain(value.split('\n')[1] ?? value);
});

test('P9 R-PROC-06 field 6 is raw standard base64 of one certificate', async () => {
  const field = (await handshakeFields({}))[5]!;
  expect(field).toMatch(/^[A-Za-z0-9+/]+$/);
  const der = Buffer.from(field, 'base64');
  expect(new X509Certificate(der).raw.equals(der)).toBe(true);
});

test('P13 R-PROC-08 the socket accepts the moment the line is there', async () => {
  await using plugin = await startPlugin();
  await new Promise<void>((resolve, reject) => {
    const socket = connect(plugin.socketPath, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
});

test('P48 R-PROC-12 twenty at once each get a socket and a certificate of their own', async () => {
  const plugins = await Promise.all(Array.from({ length: 20 }, () => startPlugin()));
  try {
    const answers = await Promise.all(plugins.map((each) => each.call(HealthService.check, { service: 'plugin' })));
    expect(answers).toEqual(plugins.map(() => ({ status: 1 })));
    expect(new Set(plugins.map(({ socketPath }) => socketPath)).size).toBe(20);
    expect(new Set(plugins.map(({ certificatePem }) => certificatePem)).size).toBe(20);
  } finally {
    await Promise.all(plugins.map((each) => each.stop()));
  }
});

test('P49 the handshake comes long before a host gives up after 60 s', async () => {
  await using plugin = await spawnPlugin();
  const limit = AbortSignal.timeout(6_000);
  await plugin.handshake();
  expect(limit.aborted).toBe(false);
});
