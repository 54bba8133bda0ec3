import { status } from '@grpc/grpc-js';

import { logged } from '../../process/plugin-host/host-fixture.ts';
import { buildGoPrograms, buildOlderMemoryPlugin, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { until } from '../../support/until.ts';
import { KEY, type MemoryHost, PARAMETERS, startMemoryHost } from './memory-host.ts';

const BUILD_MS = 600_000;
const MEBIBYTE = 1024 * 1024;

/** The calls that a plugin with the flag `-trace` has seen, go-plugin's own included. */
function callsSeen({ log }: MemoryHost): { method?: unknown; service?: unknown; timeoutMs?: number }[] {
  return log.flatMap(({ message, fields }) => (message === 'call' ? [fields as object] : []));
}

describeWithGo('the connection to a plugin in Go', () => {
  let programs: GoPrograms;
  let older: ReturnType<typeof buildOlderMemoryPlugin>;
  beforeAll(() => {
    programs = buildGoPrograms();
    older = buildOlderMemoryPlugin();
  }, BUILD_MS);

  test.each(['v1.8.0', 'v1.4.8'])('H10 mutual TLS on a unix socket, with go-plugin %s', async (version) => {
    const path = version === older.goPlugin ? older.path : programs.memory;
    await using host = await startMemoryHost(programs, { path });
    const info = await host.plugin.ready();
    expect(info).toMatchObject({ network: 'unix', protocolVersion: 1 });
    expect(JSON.parse(info.buildInfo ?? '')).toEqual({ product: 'memory', goPlugin: version });
    expect(info.certificateFingerprint).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    await host.call();
    const { crypto, operations } = host.plugin.client;
    await expect(operations.getKey({ parameters: PARAMETERS })).resolves.toMatchObject({ keyId: KEY });
    await expect(crypto.checkHealth({ config: undefined, deep: true, requestId: undefined })).resolves.toMatchObject({
      provider: 'memory',
    });
    expect(host.plugin.status()).toMatchObject({ calls: { outcomes: { ok: 4 } } });
  });

  test('H19 H20 each stream is opened once and held, whatever is called and however often', async () => {
    await using host = await startMemoryHost(programs, {
      flags: ['-trace'],
      health: { intervalMs: 10, timeoutMs: 5000 },
    });
    await host.plugin.ready();
    for (let round = 0; round < 20; round += 1) await host.call();
    await until('a few health checks', () => callsSeen(host).filter(({ service }) => service === 'plugin').length > 3);
    const streams = callsSeen(host)
      .map(({ method }) => String(method))
      .filter((name) => name.includes('Stream'));
    expect(streams.toSorted()).toEqual(['plugin.GRPCBroker/StartStream', 'plugin.GRPCStdio/StreamStdio']);
  });

  test('H23 health is asked of the service plugin, and answered', async () => {
    await using host = await startMemoryHost(programs, {
      flags: ['-trace'],
      health: { intervalMs: 10, timeoutMs: 5000, failures: 1 },
    });
    await host.plugin.ready();
    await until('a health check', () => host.plugin.status().health !== undefined);
    expect(host.plugin.status()).toMatchObject({ state: 'ready', health: { healthy: true, failures: 0 } });
    const check = callsSeen(host).find(({ method }) => method === 'grpc.health.v1.Health/Check');
    expect(check).toMatchObject({ service: 'plugin' });
    expect(check?.timeoutMs).toBeLessThanOrEqual(5000);
  });

  test('H33 L1 Init, Configure, calls, Deinit, Shutdown, each with its time; then exit code 0', async () => {
    await using host = await startMemoryHost(programs, {
      flags: ['-trace'],
      initTimeoutMs: 20_000,
      configureTimeoutMs: 30_000,
      callTimeoutMs: 40_000,
      deinitTimeoutMs: 50_000,
      shutdownTimeoutMs: 60_000,
    });
    await host.plugin.ready();
    await host.plugin.client.operations.getKey({ parameters: PARAMETERS });
    await host.close();
    const { exitCode, signal } = await logged(host.log, 'plugin process ended');
    expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
    const unary = callsSeen(host).filter(({ method }) => !String(method).includes('Stream'));
    const inTenSeconds = unary.map(({ method, timeoutMs = 0 }) => [method, Math.ceil(timeoutMs / 10_000)]);
    expect(inTenSeconds).toEqual([
      ['service.init.v1.Bootstrap/Init', 2],
      ['service.common.config.v1.Config/Configure', 3],
      ['plugin.keystore.operations.v1.KeystoreInstanceKeyOperation/GetKey', 4],
      ['service.init.v1.Bootstrap/Deinit', 5],
      ['plugin.GRPCController/Shutdown', 6],
    ]);
  });

  test.each([
    [[1], 1],
    [[2], 2],
    [[1, 2], 2],
    [[1, 2, 3], 2],
  ])('H32 a host of the versions %p and a plugin of 1 and 2 speak %i', async (protocolVersions, spoken) => {
    await using host = await startMemoryHost(programs, {
      path: programs.versions,
      protocolVersions,
      configuration: '',
    });
    await expect(host.plugin.ready()).resolves.toMatchObject({ protocolVersion: spoken });
    await expect(host.plugin.client.operations.getKey({ parameters: PARAMETERS })).resolves.toMatchObject({
      keyId: String(spoken),
    });
  });

  test('H32 a version that only one of the two speaks: the lowest of the plugin is refused', async () => {
    await using host = await startMemoryHost(programs, { path: programs.versions, protocolVersions: [3] });
    await expect(host.plugin.ready()).rejects.toMatchObject({
      details: { step: 'start', handshakeField: 'application protocol version' },
    });
    expect(await host.leftovers()).toEqual([]);
  });

  test('H35 what is larger than the plugin takes: its RESOURCE_EXHAUSTED, and it goes on', async () => {
    await using host = await startMemoryHost(programs);
    await host.plugin.ready();
    const request = { parameters: PARAMETERS, plaintext: Buffer.alloc(5 * MEBIBYTE) };
    await expect(host.plugin.client.crypto.encrypt(request)).rejects.toMatchObject({
      name: 'PluginCallError',
      code: status.RESOURCE_EXHAUSTED,
      message: expect.stringMatching(/received message larger than max \(\d+ vs\. 4194304\)/) as string,
    });
    await host.call();
  });
});
