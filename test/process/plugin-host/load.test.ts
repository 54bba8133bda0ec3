import { copyFile, readFile, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

import { startPluginHost } from '../../../plugin-host/index.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';
import { failure, load, type LogEntry, recordLog } from './host-fixture.ts';

const texts = (log: LogEntry[]): string[] => log.map(({ message }) => message);

describe('loading a plugin', () => {
  test('H33 L1 R-HOST-06 R-HOST-10 streams, Init, Configure, a call, Deinit, Shutdown, exit code 0', async () => {
    await using stage = await load('good.ts', { configuration: 'key: value' });
    expect(stage.plugin.state).toEqual({ name: 'starting', generation: 1 });
    const info = await stage.plugin.ready();
    expect(info).toEqual({
      generation: 1,
      pid: expect.any(Number) as number,
      executable: join(stage.directory, 'good'),
      hashedBytesRun: false,
      orphanProtection: process.platform === 'linux',
      network: 'unix',
      address: expect.stringContaining(stage.sockets) as string,
      protocolVersion: 1,
      certificateFingerprint: expect.stringMatching(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
      serviceNames: ['test.v1.TestService', 'service.common.config.v1.Config'],
      buildInfo: '{"version":"1.2.3"}',
    });
    expect(stage.plugin.info).toBe(info);
    await expect(stage.plugin.client.test.echo({ text: 'hello' })).resolves.toEqual({ text: 'hello' });

    await stage.close();
    expect(stage.plugin.state).toEqual({ name: 'closed', generation: 1 });
    expect(stage.plugin.info).toBeUndefined();
    const steps = ['StartStream', 'StreamStdio', 'Init', 'Configure', 'plugin ready', 'plugin draining', 'Deinit'];
    const rest = ['Shutdown', 'plugin process ended', 'plugin closed'];
    expect(texts(stage.log).filter((text) => [...steps, ...rest].includes(text))).toEqual([...steps, ...rest]);
    expect(stage.log).toContainEqual(expect.objectContaining({ message: 'plugin process ended', exitCode: 0 }));
    expect(stage.log).toContainEqual(
      expect.objectContaining({ message: 'Configure', fields: { yaml: 'key: value' }, plugin: 'TEST', level: 'info' }),
    );
  });

  test('H1 R-HOST-03 the environment is the allow-list and go-plugin’s variables, stdin is empty, no descriptor leaks', async () => {
    const stray = {
      PLUGIN_MULTIPLEX_GRPC: 'true',
      PLUGIN_UNIX_SOCKET_GROUP: 'daemon',
      NODE_OPTIONS: '--no-warnings',
      NODE_V8_COVERAGE: '/nowhere',
      STRAY: 'stray',
      PASSED: 'passed',
    };
    Object.assign(process.env, stray);
    try {
      await using stage = await load('good.ts', {
        environment: { pass: ['PASSED', 'NOT_SET_ANYWHERE'], set: { GIVEN: 'given' } },
        args: ['--one', 'two three'],
      });
      const { environment = {}, args, stdin, descriptors = [] } = await stage.plugin.client.test.inspect({});
      const { PLUGIN_CLIENT_CERT: certificate, PLUGIN_UNIX_SOCKET_DIR: socketDirectory, ...others } = environment;
      expect(Object.entries(others).filter(([name]) => !name.startsWith('MARK_'))).toEqual(
        Object.entries({
          PASSED: 'passed',
          GIVEN: 'given',
          TestService: 'TestService',
          PLUGIN_MIN_PORT: '10000',
          PLUGIN_MAX_PORT: '25000',
          PLUGIN_PROTOCOL_VERSIONS: '1',
        }),
      );
      expect(certificate).toMatch(/^-----BEGIN CERTIFICATE-----\n(?:.{1,64}\n)+-----END CERTIFICATE-----\n$/);
      expect(socketDirectory).toMatch(new RegExp(`^${stage.sockets}/plugin-host-`));
      expect((await stat(socketDirectory!)).mode & 0o777).toBe(0o700);
      expect(args).toEqual(['--one', 'two three']);
      expect(stdin).toBe('/dev/null');
      expect(descriptors.filter((target) => target.includes(stage.directory))).toEqual([]);
    } finally {
      for (const name of Object.keys(stray)) Reflect.deleteProperty(process.env, name);
    }
  });

  test('H2 set wins over pass', async () => {
    process.env.BOTH = 'inherited';
    try {
      await using stage = await load('good.ts', { environment: { pass: ['BOTH'], set: { BOTH: 'set' } } });
      const { environment } = await stage.plugin.client.test.inspect({});
      expect(environment?.BOTH).toBe('set');
    } finally {
      delete process.env.BOTH;
    }
  });

  test('H11 a TCP plugin is reached as localhost and past any proxy', async () => {
    const proxies = {
      http_proxy: 'http://127.0.0.1:9',
      https_proxy: 'http://127.0.0.1:9',
      grpc_proxy: 'http://127.0.0.1:9',
    };
    Object.assign(process.env, proxies);
    try {
      await using stage = await load('tcp.ts');
      const { network, address } = await stage.plugin.ready();
      expect({ network, address }).toEqual({
        network: 'tcp',
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      });
      await expect(stage.plugin.client.test.echo({ text: 'tcp' })).resolves.toEqual({ text: 'tcp' });
    } finally {
      for (const name of Object.keys(proxies)) Reflect.deleteProperty(process.env, name);
    }
  });

  test('H32 all versions are announced, the plugin’s choice is taken', async () => {
    const contract = { ...testContract, protocolVersions: [3, 2, 1] } as const;
    await using stage = await load('version-two.ts', { contract });
    expect((await stage.plugin.ready()).protocolVersion).toBe(2);
    const { environment } = await stage.plugin.client.test.inspect({});
    expect(environment?.PLUGIN_PROTOCOL_VERSIONS).toBe('3,2,1');
  });

  test('H20 H19 a plugin without broker and stdio is served', async () => {
    await using stage = await load('bare.ts');
    await expect(stage.plugin.client.test.echo({ text: 'bare' })).resolves.toEqual({ text: 'bare' });
    expect(stage.log).toContainEqual(
      expect.objectContaining({ level: 'debug', message: 'plugin has no broker stream' }),
    );
    expect(stage.log).toContainEqual(
      expect.objectContaining({ level: 'debug', message: 'plugin has no stdio stream' }),
    );
  });

  test('L3 R-HOST-06 a plugin that names no Config is not configured', async () => {
    await using stage = await load('no-config.ts', { configuration: 'key: value' });
    const info = await stage.plugin.ready();
    expect(info.buildInfo).toBeUndefined();
    expect(texts(stage.log)).not.toContain('Configure');
    expect(stage.log).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('configuration') as string }),
    );
  });

  test('L4 unknown service names are a warning only', async () => {
    await using stage = await load('extra-service-names.ts');
    await stage.plugin.ready();
    expect(stage.log).toContainEqual(expect.objectContaining({ level: 'warn', unknown: ['test.v9.Unheard'] }));
  });

  test('a service that is not required is called without being named', async () => {
    await using stage = await load('good.ts');
    await expect(stage.plugin.client.extra.echo({ text: 'extra' })).resolves.toEqual({ text: 'extra' });
  });

  test('R-HOST-02 the hashed bytes of a binary run, by its descriptor', async () => {
    await using stage = await load('good.ts');
    // A second plugin in the same directory: Node itself, told by arguments to be one.
    const path = join(stage.directory, 'binary');
    await copyFile(process.execPath, path);
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const args = [resolve('test/fixtures/plugins/good.ts')];
    await using host = await startPluginHost({
      directory: stage.directory,
      socketDirectory: stage.sockets,
      logger: recordLog([]),
      plugins: { BINARY: { contract: testContract, file: 'binary', sha256, args } },
    });
    const info = await host.plugin('BINARY').ready();
    expect(info.hashedBytesRun).toBe(process.platform === 'linux');
    const { descriptors } = await host.plugin('BINARY').client.test.inspect({});
    expect(descriptors).not.toContain(path);
  });

  test.each([
    ['a sum of something else', { sha256: '0'.repeat(64) }, 'ERR_CHECKSUM', /checksums did not match/],
    ['a file that is not there', { file: 'absent' }, 'ERR_EXECUTABLE_NOT_FOUND', /ENOENT/],
    ['a file elsewhere', { file: '/bin/sh' }, 'ERR_EXECUTABLE_OUTSIDE', /leads out of the plugins directory/],
  ])('H31 R-HOST-01 %s is not started', async (_name, options, code, message) => {
    const error = await failure('good.ts', options);
    expect(error).toMatchObject({ name: 'PluginHostError', code, details: { plugin: 'TEST' } });
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^plugin TEST: /);
  });
});
