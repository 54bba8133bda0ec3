import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startPluginHost } from '../../../plugin-host/index.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';
import { failure, load, recordLog } from './host-fixture.ts';

const certificate = createOneTimeCertificate().certificateDer.toString('base64').replace(/=+$/, '');
const line = (fields: Record<number, string>): string => {
  const good = ['1', '1', 'unix', '/nowhere/socket', 'grpc', certificate];
  return `${good.map((field, index) => fields[index + 1] ?? field).join('|')}\n`;
};

describe('handshake', () => {
  test.each([
    ['a banner', 'Welcome to the plugin\n', 'ERR_HANDSHAKE_FIELDS', 'line', /unrecognized remote plugin message/],
    ['an empty line', '\n', 'ERR_HANDSHAKE_FIELDS', 'line', /unrecognized remote plugin message/],
    ['three fields', '1|1|unix\n', 'ERR_HANDSHAKE_FIELDS', 'line', /unrecognized remote plugin message/],
    [
      'field 1 no number',
      line({ 1: 'x' }),
      'ERR_CORE_VERSION_FORMAT',
      'core protocol version',
      /core protocol version/,
    ],
    ['field 1 another version', line({ 1: '2' }), 'ERR_CORE_VERSION', 'core protocol version', /Plugin version: 2/],
    [
      'field 2 no number',
      line({ 2: 'x' }),
      'ERR_APP_VERSION_FORMAT',
      'application protocol version',
      /protocol version/,
    ],
    ['field 2 not offered', line({ 2: '7' }), 'ERR_APP_VERSION', 'application protocol version', /Plugin version: 7/],
    ['field 3 unknown', line({ 3: 'pipe' }), 'ERR_NETWORK', 'network', /unknown address type/],
    ['field 4 without a port', line({ 3: 'tcp', 4: '127.0.0.1' }), 'ERR_ADDRESS', 'address', /127\.0\.0\.1/],
    ['field 5 unknown', line({ 5: 'http' }), 'ERR_PROTOCOL', 'protocol', /unsupported plugin protocol/],
    ['H5 no field 5', '1|1|unix|/nowhere/socket\n', 'ERR_PROTOCOL', 'protocol', /"netrpc". Supported: \[grpc\]/],
    ['H7 field 6 padded', line({ 6: `${certificate}=` }), 'ERR_CERTIFICATE', 'certificate', /illegal base64/],
    ['field 6 no certificate', line({ 6: 'A'.repeat(400) }), 'ERR_CERTIFICATE', 'certificate', /certificate/],
    ['H9 field 6 empty', line({ 6: '' }), 'ERR_CERTIFICATE_MISSING', 'certificate', /announced no certificate/],
    ['H9 no field 6', '1|1|unix|/nowhere/socket|grpc\n', 'ERR_CERTIFICATE_MISSING', 'certificate', /no certificate/],
  ])(
    'H4 R-HOST-04 R-HOST-07 %s: its own error, and the process is ended',
    async (_name, text, code, handshakeField, message) => {
      const error = await failure('handshake-line.sh', { args: [text] });
      expect(error).toMatchObject({ code, details: { plugin: 'TEST', handshakeField } });
      expect(error.message).toMatch(message);
    },
  );

  test.each([
    ['six fields', line({})],
    ['a seventh field', line({ 6: `${certificate}|false` })],
    ['eight fields', line({ 6: `${certificate}|true|whatever` })],
    ['CRLF', line({}).replace('\n', '\r\n')],
  ])('H6 R-HOST-04 %s are accepted: the next step fails', async (_name, text) => {
    const error = await failure('handshake-line.sh', { args: [text] });
    expect(error).toMatchObject({ code: 'ERR_CONNECT' });
    expect(error.message).toMatch(
      /no connection to the address the plugin announced: connect ENOENT \/nowhere\/socket$/,
    );
  });

  test.each([
    ['nothing', 'silent.sh', ''],
    ['a line without its end', 'handshake-line.sh', line({}).trimEnd()],
  ])('H3 %s until the time is over', async (_name, fixture, text) => {
    const error = await failure(fixture, { args: [text], startTimeoutMs: 500 });
    expect(error).toMatchObject({ code: 'ERR_START_TIMEOUT' });
    expect(error.message).toMatch(/no handshake line within 500 ms/);
  });

  test('H4 a first line without an end is cut off', async () => {
    const error = await failure('endless-line.sh');
    expect(error).toMatchObject({ code: 'ERR_HANDSHAKE_FIELDS' });
    expect(error.message).toMatch(/longer than 65536 bytes/);
  });

  test('H4 stdout closed by a process that lives on', async () => {
    const error = await failure('closes-stdout.sh');
    expect(error).toMatchObject({ code: 'ERR_HANDSHAKE_MISSING' });
  });

  test('H4 text at the end of the stream counts as the line', async () => {
    const error = await failure('prints-and-exits.sh');
    expect(error).toMatchObject({ code: 'ERR_HANDSHAKE_FIELDS' });
    expect(error.message).toMatch(/"hello"/);
  });

  test('H4 an end before the line: exit code and last words', async () => {
    const error = await failure('exits-early.sh');
    expect(error).toMatchObject({
      code: 'ERR_PLUGIN_EXITED',
      message: 'plugin TEST exited with code 3 while the host waited for its handshake line',
      details: { plugin: 'TEST', exitCode: 3, lastStderr: ['cannot open the configuration'] },
    });
  });

  test('H4 another cookie: the plugin explains itself and exits', async () => {
    const contract = { ...testContract, type: 'OtherService' as never };
    const error = await failure('good.ts', { contract });
    expect(error).toMatchObject({ code: 'ERR_PLUGIN_EXITED', details: { exitCode: 1 } });
    expect(error.details.lastStderr?.[0]).toMatch(/This binary is a plugin/);
  });

  test('H4 a file that is no program', async () => {
    await using stage = await load('silent.sh');
    const text = '#!/nowhere/interpreter\n';
    await writeFile(join(stage.directory, 'odd'), text, { mode: 0o755 });
    const sha256 = createHash('sha256').update(text).digest('hex');
    await using host = await startPluginHost({
      directory: stage.directory,
      logger: recordLog([]),
      plugins: { ODD: { contract: testContract, file: 'odd', sha256, restart: { maxRestarts: 0 } } },
    });
    await expect(host.plugin('ODD').ready()).rejects.toMatchObject({ code: 'ERR_SPAWN', details: { plugin: 'ODD' } });
  });

  test('a plugin that refuses the host’s certificate', async () => {
    const error = await failure('refuses-host.ts');
    expect(error).toMatchObject({ code: 'ERR_CONNECT' });
  });

  test('a plugin that announces a certificate and serves plaintext', async () => {
    const error = await failure('plaintext.ts');
    expect(error).toMatchObject({ code: 'ERR_CONNECT' });
    expect(error.message).toMatch(/wrong version number/);
  });

  test('a socket that takes connections and says nothing', async () => {
    const error = await failure('silent-socket.ts', { startTimeoutMs: 1500 });
    expect(error).toMatchObject({ code: 'ERR_START_TIMEOUT' });
    expect(error.message).toMatch(/no connection within 1500 ms/);
  });

  test('H12 R-HOST-05 a plugin that serves with another certificate than it announced is refused', async () => {
    const error = await failure('foreign-certificate.ts');
    expect(error).toMatchObject({ code: 'ERR_CERTIFICATE_REFUSED' });
    expect(error.message).toMatch(/does not serve with what it announced: self-signed certificate/);
  });
});
