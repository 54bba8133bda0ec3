import { readdir } from 'node:fs/promises';

import { startCatalogHost, type CatalogHost } from '../support/go-catalog.ts';
import { startPlainHost, type PlainHost } from '../support/go-host.ts';
import { memoryConfiguration } from '../support/go-memory.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../support/go.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// What the Go programs tell must be true before they may judge our executable: here they look at a plugin in Go.
const TYPE = 'KeystoreInstanceKeyOperation';
const GET_KEY = 'plugin.keystore.operations.v1.KeystoreInstanceKeyOperation/GetKey';
const BUILD_MS = 600_000;

describeWithGo('the Go programs on a plugin served by plugin-sdk', () => {
  let programs: GoPrograms;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    programs = buildGoPrograms();
    folder = await temporaryFolder();
  }, BUILD_MS);

  afterAll(async () => {
    expect(await readdir(folder.path)).toEqual([]);
    await folder[Symbol.asyncDispose]();
  });

  describe('catalog', () => {
    let host: CatalogHost;

    beforeEach(() => {
      host = startCatalogHost(programs, { TMPDIR: folder.path });
    });

    afterEach(async () => {
      await host.close();
    });

    const peer = () => ({ name: 'PEER', type: TYPE, path: programs.peer, logLevel: 'trace' });

    test('loads, calls, tells statuses and details, closes', async () => {
      const catalog = host.catalog();
      const loaded = await catalog.load(peer());
      expect(loaded).toMatchObject({
        error: '',
        plugins: [{ name: 'PEER', type: TYPE, version: 1, buildInfo: '{"product":"peer"}' }],
      });
      expect(await host.processes()).toHaveLength(1);
      expect(await catalog.call({ method: GET_KEY, request: { parameters: { keyId: 'disabled' } } })).toMatchObject({
        code: 'OK',
        response: { keyId: 'disabled', status: 'DISABLED', algorithm: 'KEY_ALGORITHM_AES256' },
      });
      expect(await catalog.call({ method: GET_KEY })).toMatchObject({
        code: 'NotFound',
        message: 'key not found in the keystore provider',
        is: 'KeyNotFound',
        reason: 'NO_SUCH_KEY',
        metadata: { knownKeys: 'enabled,disabled' },
      });
      expect(await catalog.call({ method: GET_KEY.replace(/GetKey$/, 'GetKeyVersions') })).toMatchObject({
        code: 'Unimplemented', // newer than plugin-sdk v0.14.0: called by descriptors of our own
      });
      expect(await catalog.close()).toMatchObject({ error: '' });
      expect(await host.processes()).toEqual([]);
      expect((await catalog.log()).filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    });

    test('finds nothing wrong with the memory plugin, whose services of our own it need not know', async () => {
      const catalog = host.catalog();
      const loaded = await catalog.load({
        ...peer(),
        path: programs.memory,
        args: ['-descriptors', programs.descriptors],
        yamlConfiguration: memoryConfiguration({ keys: { l1: 'tenant-1' } }),
      });
      expect(loaded).toMatchObject({
        error: '',
        plugins: [{ services: [GET_KEY.replace(/\/GetKey$/, ''), 'service.common.config.v1.Config'] }],
      });
      const parameters = { keyId: 'l1' };
      const key = { code: 'OK', response: { keyId: 'l1', status: 'ENABLED', latestKeyVersionId: '1' } };
      expect(await catalog.call({ method: GET_KEY, request: { parameters } })).toMatchObject(key);
      expect(
        await catalog.call({ method: GET_KEY.replace(/GetKey$/, 'GetKeyVersions'), request: { parameters } }),
      ).toMatchObject({ code: 'OK', response: { versions: [{ versionId: '1', status: 'ENABLED' }] } });
      const crypto = 'plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation';
      const plaintext = Buffer.from('a data key').toString('base64');
      const made = await catalog.call({ method: `${crypto}/Encrypt`, request: { parameters, plaintext } });
      const { ciphertext } = made.response as { ciphertext: string };
      expect(await catalog.call({ method: `${crypto}/Decrypt`, request: { parameters, ciphertext } })).toMatchObject({
        code: 'OK',
        response: { plaintext, keyVersionId: '1' },
      });
      expect(await catalog.close()).toMatchObject({ error: '' });
      expect((await catalog.log()).filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    });

    test('a wrong checksum, type and version', async () => {
      const load = async (changes: object): Promise<string> => {
        const { error } = await host.catalog().load({ ...peer(), ...changes });
        return error;
      };
      expect(await load({ checksum: '0'.repeat(64) })).toContain('checksums did not match');
      expect(await load({ type: 'KeystoreProvider' })).toContain('Unrecognized remote plugin message');
      expect(await load({ version: 2 })).toContain('implementation not found');
      expect(await host.processes()).toEqual([]);
    });

    test('an unknown command, method or member of a request is an error of the driver', async () => {
      const catalog = host.catalog();
      await catalog.load(peer());
      await expect(host.send('dance')).rejects.toThrow('unknown command "dance"');
      await expect(catalog.call({ method: 'no.Service/Method' })).rejects.toThrow('unknown method');
      await expect(catalog.call({ method: GET_KEY, request: { key: 1 } })).rejects.toThrow('unknown field "key"');
    });
  });

  describe('host', () => {
    let host: PlainHost;

    beforeEach(() => {
      host = startPlainHost(programs, { TMPDIR: folder.path });
    });

    afterEach(async () => {
      await host.close();
    });

    test('with and without mutual TLS', async () => {
      const health = { method: 'grpc.health.v1.Health/Check', request: { service: 'plugin' } };
      await host.start({ path: programs.peer, type: TYPE });
      const secured = await host.call(health);
      expect(secured).toMatchObject({ code: 'OK', response: { status: 'SERVING' } });
      expect(secured.certificateBytes).toBeGreaterThan(500);
      expect(await host.announce(2)).toEqual({ error: '' });
      await host.kill();

      await host.start({ path: programs.peer, type: TYPE, plainText: true });
      expect(await host.call(health)).toMatchObject({ code: 'OK', certificateBytes: 0 });
    });

    test('a start that fails leaves the reason', async () => {
      const { error } = await host.start({ path: programs.peer, type: 'Other' });
      expect(error).toContain('Unrecognized remote plugin message');
    });
  });
});
