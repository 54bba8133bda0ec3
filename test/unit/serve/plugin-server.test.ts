import { existsSync, readdirSync } from 'node:fs';
import { connect, type TLSSocket, type ConnectionOptions } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { ConfigService } from '../../../proto/gen/service/common/config/v1/config.ts';
import { startPluginServer } from '../../../src/serve/plugin-server.ts';
import { connectPlugin } from '../../support/plugin-connection.ts';
import { openStreams } from '../../support/plugin-streams.ts';
import { echoService, servePlugin, type ServedPlugin } from './served-plugin.ts';

const { configure } = ConfigService;

/** A TLS connection as the host makes it, unless told otherwise. */
function handshake(plugin: ServedPlugin, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { socketPath, certificate, host } = plugin;
  return new Promise((resolve, reject) => {
    const socket = connect({
      path: socketPath,
      servername: 'localhost',
      ca: certificate.certificatePem,
      cert: host.certificatePem,
      key: host.privateKeyPem,
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

describe('TLS', () => {
  let plugin: ServedPlugin;
  beforeAll(async () => {
    plugin = await servePlugin();
  });
  afterAll(() => plugin[Symbol.asyncDispose]());

  test('P13: the host is answered as soon as the server has started', async () => {
    await using fresh = await servePlugin();
    expect(await fresh.call(configure, { yamlConfiguration: 'x' })).toEqual({ buildInfo: 'x' });
  });

  test('P18: a client without a certificate is refused', async () => {
    const { socketPath, certificate } = plugin;
    const stranger = connectPlugin({ socketPath, certificatePem: certificate.certificatePem });
    expect(await stranger.refusal(configure, { yamlConfiguration: '' })).toMatchObject({ code: status.UNAVAILABLE });
    stranger.disconnect();
  });

  test('P19: a client with another certificate is refused', async () => {
    const { socketPath, certificate } = plugin;
    const stranger = connectPlugin(
      { socketPath, certificatePem: certificate.certificatePem },
      createOneTimeCertificate(),
    );
    expect(await stranger.refusal(configure, { yamlConfiguration: '' })).toMatchObject({ code: status.UNAVAILABLE });
    stranger.disconnect();
  });

  test('a refusal does no harm to the host', async () => {
    expect(await plugin.call(configure, { yamlConfiguration: 'y' })).toEqual({ buildInfo: 'y' });
  });

  test('P11, P20: presents the announced certificate and agrees on h2 over TLS 1.3, or 1.2', async () => {
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
      const socket = await handshake(plugin, { maxVersion: version });
      expect(socket.getPeerX509Certificate()?.raw.equals(plugin.certificate.certificateDer)).toBe(true);
      expect([socket.alpnProtocol, socket.getProtocol()]).toEqual(['h2', version]);
      socket.destroy();
    }
  });

  test('P20: nothing older than TLS 1.2', async () => {
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    await expect(handshake(plugin, old)).rejects.toMatchObject({ code: expect.stringContaining('ERR_SSL') as string });
  });
});

test('P45: messages far above 4 MiB pass both ways', async () => {
  await using plugin = await servePlugin();
  const yamlConfiguration = 'x'.repeat(8 << 20);
  const { buildInfo } = await plugin.call(configure, { yamlConfiguration });
  expect(buildInfo?.length).toBe(8 << 20);
});

test('a place where no socket can be rejects', async () => {
  const complaint = jest.spyOn(console, 'error').mockReturnValue();
  const certificate = createOneTimeCertificate();
  const start = startPluginServer({
    socketPath: '/nonexistent/plugin1',
    tls: { certificate, hostCertificatePem: certificate.certificatePem },
    registrations: [echoService()],
    endCalls: () => undefined,
  });
  await expect(start).rejects.toThrow(/ENOENT|EACCES/);
  complaint.mockRestore();
});

describe('close', () => {
  test('lets a running call finish, takes no new one, and removes the socket', async () => {
    const entered = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const endCalls = jest.fn();
    const application = echoService(() => {
      entered.resolve(undefined);
      return release.promise;
    });
    await using plugin = await servePlugin({ application, endCalls });
    const running = plugin.call(configure, { yamlConfiguration: 'done' });
    await entered.promise;
    const closed = plugin.server.close();
    expect(plugin.server.close()).toBe(closed);
    const late = connectPlugin(
      { socketPath: plugin.socketPath, certificatePem: plugin.certificate.certificatePem },
      plugin.host,
    );
    expect(await late.refusal(configure, { yamlConfiguration: '' })).toMatchObject({ code: status.UNAVAILABLE });
    late.disconnect();
    release.resolve(undefined);
    expect(await running).toEqual({ buildInfo: 'done' });
    await closed;
    expect(endCalls).not.toHaveBeenCalled();
    expect(existsSync(plugin.socketPath)).toBe(false);
  });

  test('ends a call that goes on, which still answers', async () => {
    const stopped = Promise.withResolvers<undefined>();
    const entered = Promise.withResolvers<undefined>();
    const application = echoService(async () => {
      entered.resolve(undefined);
      await stopped.promise;
      throw Object.assign(new Error('stopped'), { code: status.UNAVAILABLE, details: 'the plugin stops' });
    });
    await using plugin = await servePlugin({ application, endCalls: () => stopped.resolve(undefined) });
    const refusal = plugin.refusal(configure, { yamlConfiguration: '' });
    await entered.promise;
    await plugin.server.close();
    expect(await refusal).toMatchObject({ code: status.UNAVAILABLE, message: 'the plugin stops' });
  });

  test('drops a call that never ends', async () => {
    const entered = Promise.withResolvers<undefined>();
    const application = echoService(() => {
      entered.resolve(undefined);
      return new Promise(() => undefined);
    });
    await using plugin = await servePlugin({ application });
    const refusal = plugin.refusal(configure, { yamlConfiguration: '' });
    await entered.promise;
    await plugin.server.close();
    expect([status.UNAVAILABLE, status.CANCELLED]).toContain((await refusal).code);
  });

  test('drops streams that nobody ended', async () => {
    await using plugin = await servePlugin();
    const streams = openStreams(plugin);
    await plugin.call(configure, { yamlConfiguration: '' });
    await plugin.server.close();
    await streams.ended;
    expect(streams.events).toHaveLength(2);
  });

  test('leaves no descriptor and no listener behind', async () => {
    const cycle = async (): Promise<void> => {
      await using plugin = await servePlugin();
      const streams = openStreams(plugin);
      await plugin.call(configure, { yamlConfiguration: '' });
      plugin.services.stop();
      await streams.ended;
    };
    const held = (): number =>
      readdirSync('/proc/self/fd').length +
      process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    await cycle();
    const before = held();
    for (let i = 0; i < 30; i += 1) await cycle();
    // One forgotten a cycle would be thirty; the test runner may open a few of its own.
    expect(held() - before).toBeLessThan(10);
  });
});
