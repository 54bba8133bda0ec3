import { readdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

import { SERVICE_NAMES } from '../../keystore-contract/plugin-types.ts';
import { createKey } from '../../scripts/openbao/setup.ts';
import { builtPlugin, sha256 } from '../support/built-plugin.ts';
import { startCustomer, type Customer } from '../support/customer.ts';
import type { HostLogEntry } from '../support/go-answers.ts';
import { startCatalogHost, type CatalogHost, type PluginEntry } from '../support/go-catalog.ts';
import { buildGoPrograms, describeWithGo } from '../support/go.ts';
import { processGone } from '../support/process-gone.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'l1';
const TYPE = 'KeystoreInstanceKeyOperation';
const BUILD_MS = 600_000;
const UNREACHABLE = 'https://127.0.0.1:1';

describeWithGo('plugin-sdk catalog loads the executable as CMK does', () => {
  let sockets: Awaited<ReturnType<typeof temporaryFolder>>;
  let customer: Customer;
  let host: CatalogHost;

  beforeAll(async () => {
    const programs = buildGoPrograms();
    sockets = await temporaryFolder();
    host = startCatalogHost(programs, { PATH: process.env.PATH ?? '', TMPDIR: sockets.path });
    customer = await startCustomer();
    await createKey(customer.bao, { key: KEY });
  }, BUILD_MS);

  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await customer[Symbol.asyncDispose]();
    await sockets[Symbol.asyncDispose]();
  });

  const entry = (changes: Partial<PluginEntry> = {}): PluginEntry => ({
    name: 'OPENBAO',
    type: TYPE,
    path: builtPlugin(),
    tags: ['hyok', 'default_keystore'],
    logLevel: 'trace',
    yamlConfiguration: customer.yaml('approle'),
    ...changes,
  });
  const getKey = { method: `${SERVICE_NAMES.keyOperation}/GetKey`, request: { parameters: { keyId: KEY } } };
  const expectNothingLeft = async (): Promise<void> => {
    expect(await host.processes()).toEqual([]);
    expect(await readdir(sockets.path)).toEqual([]);
  };

  test.each([
    ['empty', ''],
    ['one line', 'openbao: { transitMount: transit }'],
  ])(
    'A1 R-PROC-20 R-PROC-24 R-CONF-01 loads with the smallest YAML (%s): plugin info, build info, nothing above info in the log',
    async (_, yaml) => {
      const catalog = host.catalog();
      const loaded = await catalog.load(entry({ yamlConfiguration: yaml }));
      expect(loaded.error).toBe('');
      expect(loaded.plugins).toEqual([
        {
          name: 'OPENBAO',
          type: TYPE,
          version: 1,
          buildInfo: expect.any(String) as string,
          services: [SERVICE_NAMES.keyOperation, SERVICE_NAMES.config],
        },
      ]);
      const buildInfo = JSON.parse(loaded.plugins[0]?.buildInfo ?? '') as Record<string, unknown>;
      expect(Object.keys(buildInfo).sort()).toEqual(
        ['branch', 'buildTime', 'org', 'product', 'repo', 'sha', 'version'].sort(),
      );
      for (const value of Object.values(buildInfo)) expect(typeof value).toBe('string');

      await catalog.close();
      expect(aboveInfo(await catalog.log())).toEqual([]);
      await expectNothingLeft();
    },
  );

  test('A2 R-PROC-22 loads both types from one executable under one name: two processes, both services answer', async () => {
    const catalog = host.catalog();
    const provider = entry({ type: 'KeystoreProvider', yamlConfiguration: '' });
    const loaded = await catalog.load(entry(), provider);
    expect(loaded.error).toBe('');
    expect(await host.processes()).toHaveLength(2);
    expect(await catalog.call({ ...getKey, type: TYPE, name: 'OPENBAO' })).toMatchObject({ code: 'OK' });
    const createKeystore = { method: `${SERVICE_NAMES.provider}/CreateKeystore`, request: { values: {} } };
    expect(await catalog.call({ ...createKeystore, type: 'KeystoreProvider', name: 'OPENBAO' })).toMatchObject({
      code: 'FailedPrecondition',
    });
    await catalog.close();
    await expectNothingLeft();
  });

  test('A4 R-PROC-01 a type that the executable does not serve: the load fails, the log says why, the process is gone', async () => {
    const catalog = host.catalog();
    const { error } = await catalog.load(entry({ type: 'CertificateIssuerService' }));
    expect(error).toContain('Unrecognized remote plugin message');
    expect(await host.processes()).toEqual([]);
    expect((await catalog.log()).map(({ message }) => message)).toContainEqual(
      expect.stringContaining('This binary is a plugin'),
    );
    await expectNothingLeft();
  });

  test('A5 version 2 is not found', async () => {
    const { error } = await host.catalog().load(entry({ version: 2 }));
    expect(error).toContain(`requested plugin \`${TYPE}\` of version \`2\` implementation not found`);
    await expectNothingLeft();
  });

  test('A6 P50 R-PROC-13 the SHA-256 of the one file is accepted as checksum', async () => {
    const catalog = host.catalog();
    const { error } = await catalog.load(entry({ checksum: sha256(builtPlugin()) }));
    expect(error).toBe('');
    await catalog.close();
    await expectNothingLeft();
  });

  test('A6 with another checksum nothing is started', async () => {
    const catalog = host.catalog();
    const { error } = await catalog.load(entry({ checksum: '0'.repeat(64) }));
    expect(error).toContain('checksums did not match');
    expect((await catalog.log()).map(({ message }) => message)).not.toContain('starting plugin');
    await expectNothingLeft();
  });

  test.each([
    ['invalid YAML', 'openbao: [', /line 1/i],
    ['an unknown key', 'openbao: { adresses: [] }', /openbao\.adresses|adresses/],
    ['a wrong type', 'keys: { maxVersions: many }', /keys\.maxVersions/],
    ['two mistakes', 'keys: { maxVersions: 0 }\ncrypto: { testkey: l1 }', /keys\.maxVersions[^]*testkey/],
  ])(
    'A7 R-CONF-03 R-CONF-21 %s: the load fails, names the key, the process is gone',
    async (_, yamlConfiguration, named) => {
      const { error } = await host.catalog().load(entry({ yamlConfiguration }));
      expect(error).toContain('failed to configure plugin "OPENBAO": rpc error: code = InvalidArgument');
      expect(error).toMatch(named);
      await expectNothingLeft();
    },
  );

  test('A8 R-PROC-23 R-ERR-04 loads while OpenBao cannot be reached; a call says so', async () => {
    const catalog = host.catalog();
    const yamlConfiguration = customer.yaml('approle', { openbao: { addresses: [UNREACHABLE] } });
    expect(await catalog.load(entry({ yamlConfiguration }))).toMatchObject({ error: '' });
    expect(await catalog.call(getKey)).toMatchObject({
      code: 'Unavailable',
      message: 'the keystore provider cannot be reached',
    });
    await catalog.close();
    await expectNothingLeft();
  });

  test('A9 R-PROC-50 closing with no call made ends the process with exit code 0', async () => {
    const catalog = host.catalog();
    expect(await catalog.load(entry())).toMatchObject({ error: '' });
    expect(await catalog.close()).toMatchObject({ error: '' });
    expectOrderlyExit(await catalog.log());
    await expectNothingLeft();
  });

  test('A9 R-PROC-50 closing with 50 calls running answers them all and ends the process with exit code 0', async () => {
    const catalog = host.catalog();
    expect(await catalog.load(entry())).toMatchObject({ error: '' });
    expect(await catalog.call(getKey)).toMatchObject({ code: 'OK' });
    customer.bao.pause();
    try {
      const calls = Promise.all(Array.from({ length: 50 }, () => catalog.call(getKey)));
      // Answered after the 50 were taken: they are ahead of it on the connection.
      await catalog.call({ method: 'grpc.health.v1.Health/Check', request: { service: 'plugin' } });
      await catalog.close();
      const codes = new Set((await calls).map(({ code }) => code));
      expect([...codes].filter((code) => !['Unavailable', 'Canceled', 'DeadlineExceeded'].includes(code))).toEqual([]);
    } finally {
      customer.bao.resume();
    }
    expectOrderlyExit(await catalog.log());
    await expectNothingLeft();
  });

  test('A10 a host that dies by SIGKILL takes the plugin with it; the next start clears its socket away', async () => {
    await using folder = await temporaryFolder();
    const env = { TMPDIR: folder.path };
    const doomed = startCatalogHost(buildGoPrograms(), env);
    try {
      expect(await doomed.catalog().load(entry())).toMatchObject({ error: '' });
      const [plugin] = await doomed.processes();
      await doomed.sigkill();
      await processGone(plugin!.pid); // by the kernel, as plugin-sdk asks it to: no chance to remove anything
    } finally {
      await doomed.sigkill();
    }
    const isOurs = (name: string): boolean => name.startsWith('keystoreop-openbao-');
    const left = (await readdir(folder.path)).filter(isOurs);
    expect(left).toHaveLength(1);
    await using next = startCatalogHost(buildGoPrograms(), env);
    expect(await next.catalog().load(entry())).toMatchObject({ error: '' });
    while ((await readdir(folder.path)).includes(left[0]!)) await setTimeout(50);
    expect((await readdir(folder.path)).filter(isOurs)).toHaveLength(1);
  });

  test('loads four plugins at the same time', async () => {
    const catalogs = Array.from({ length: 4 }, () => host.catalog());
    const results = await Promise.all(catalogs.map((catalog) => catalog.load(entry())));
    expect(results.map(({ error }) => error)).toEqual(['', '', '', '']);
    expect(await host.processes()).toHaveLength(4);
    const answers = await Promise.all(catalogs.map((catalog) => catalog.call(getKey)));
    expect(answers.map(({ code }) => code)).toEqual(['OK', 'OK', 'OK', 'OK']);
    await Promise.all(catalogs.map((catalog) => catalog.close()));
    await expectNothingLeft();
  });
});

function aboveInfo(log: readonly HostLogEntry[]): readonly HostLogEntry[] {
  return log.filter(({ level }) => level === 'warn' || level === 'error');
}

function expectOrderlyExit(log: readonly HostLogEntry[]): void {
  const messages = log.map(({ message }) => message);
  expect(messages).not.toContain('plugin failed to exit gracefully'); // go-plugin waits 2 s and kills
  // go-plugin logs any exit code but 0 as an error.
  const exit = log.find(({ message }) => message === 'plugin process exited');
  expect(exit).toMatchObject({ level: 'info' });
  expect(exit?.fields).not.toHaveProperty('error');
}
