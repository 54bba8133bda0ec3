import { Metadata, status } from '@grpc/grpc-js';
import { BrokerService, ControllerService, HealthService } from '../../../plugin-protocol/services.ts';
import type { ConnInfo } from '../../../proto/gen/plugin/grpc_broker.ts';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  type HealthCheckResponse,
} from '../../../proto/gen/grpc/health/v1/health.ts';
import type { GRPCControllerServer } from '../../../proto/gen/plugin/grpc_controller.ts';
import { createController } from '../../../src/serve/controller.ts';
import { openStreams } from '../../support/plugin-streams.ts';
import { servePlugin, type ServedPlugin } from './served-plugin.ts';

const { check, list } = HealthService;

/** A health watch and the statuses it has brought. */
function watch({ client }: ServedPlugin, service: string) {
  const { path, requestSerialize, responseDeserialize } = HealthService.watch;
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { service },
    new Metadata(),
  );
  const statuses: number[] = [];
  const first = new Promise<void>((resolve) => {
    stream.on('data', ({ status: current }: HealthCheckResponse) => {
      statuses.push(current);
      resolve();
    });
  });
  stream.on('error', () => undefined);
  const ended = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)));
  return { statuses, first, ended, cancel: () => stream.cancel() };
}

describe('P23: health', () => {
  test.each(['plugin', ''])('the service "%s" is SERVING', async (service) => {
    await using plugin = await servePlugin();
    expect(await plugin.call(check, { service })).toEqual({ status: ServingStatus.SERVING });
  });

  test.each(['Plugin', 'plugin ', 'grpc.health.v1.Health', '__proto__'])(
    'the service "%s" is unknown',
    async (service) => {
      await using plugin = await servePlugin();
      expect(await plugin.refusal(check, { service })).toMatchObject({
        code: status.NOT_FOUND,
        message: 'unknown service',
      });
    },
  );

  test('List names both', async () => {
    await using plugin = await servePlugin();
    const { statuses } = await plugin.call(list, {});
    expect([...statuses].sort()).toEqual([
      ['', { status: ServingStatus.SERVING }],
      ['plugin', { status: ServingStatus.SERVING }],
    ]);
  });

  test('Watch tells at once, holds, and tells of the stop before it ends', async () => {
    await using plugin = await servePlugin();
    const watches = [watch(plugin, 'plugin'), watch(plugin, ''), watch(plugin, 'other')];
    await Promise.all(watches.map(({ first }) => first));
    plugin.services.stop();
    expect(await Promise.all(watches.map(({ ended }) => ended))).toEqual([status.OK, status.OK, status.OK]);
    expect(watches.map(({ statuses }) => statuses)).toEqual([
      [ServingStatus.SERVING, ServingStatus.NOT_SERVING],
      [ServingStatus.SERVING, ServingStatus.NOT_SERVING],
      [ServingStatus.SERVICE_UNKNOWN],
    ]);
  });

  test('while the plugin stops it is NOT_SERVING', async () => {
    await using plugin = await servePlugin();
    plugin.services.stop();
    expect(await plugin.call(check, { service: 'plugin' })).toEqual({ status: ServingStatus.NOT_SERVING });
    const { statuses } = await plugin.call(list, {});
    expect([...statuses.values()]).toEqual([
      { status: ServingStatus.NOT_SERVING },
      { status: ServingStatus.NOT_SERVING },
    ]);
  });

  test('a cancelled watch is forgotten', async () => {
    await using plugin = await servePlugin();
    const cancelled = watch(plugin, 'plugin');
    await cancelled.first;
    cancelled.cancel();
    expect(await cancelled.ended).toBe(status.CANCELLED);
    await plugin.call(check, { service: '' });
    plugin.services.stop();
    expect(cancelled.statuses).toEqual([ServingStatus.SERVING]);
  });
});

describe('P25, P26: the streams of the host', () => {
  test('stay open and silent until the stop, which ends both with OK', async () => {
    await using plugin = await servePlugin();
    const streams = openStreams(plugin);
    streams.broker.write({ serviceId: 1, network: 'unix', address: '/tmp/host', knock: undefined });
    for (let i = 0; i < 20; i += 1) await plugin.call(check, { service: 'plugin' });
    expect(streams.events).toEqual([]);
    plugin.services.stop();
    await streams.ended;
    expect([...streams.events].sort()).toEqual(['broker ended with 0', 'stdio ended with 0']);
  });

  test('opened during the stop end at once', async () => {
    await using plugin = await servePlugin();
    plugin.services.stop();
    const streams = openStreams(plugin);
    await streams.ended;
    expect([...streams.events].sort()).toEqual(['broker ended with 0', 'stdio ended with 0']);
  });

  test('may be opened by many clients, and cancelled', async () => {
    await using plugin = await servePlugin();
    const many = Array.from({ length: 30 }, () => openStreams(plugin));
    await plugin.call(check, { service: '' });
    for (const { cancel } of many.slice(0, 20)) cancel();
    await Promise.all(many.slice(0, 20).map(({ ended }) => ended));
    plugin.services.stop();
    await Promise.all(many.map(({ ended }) => ended));
    expect(many.filter(({ events }) => events.includes('stdio ended with 0'))).toHaveLength(10);
  });

  test('a broker stream that the host half-closes is closed', async () => {
    await using plugin = await servePlugin();
    const streams = openStreams(plugin);
    streams.broker.end();
    streams.stdio.cancel();
    await streams.ended;
    expect([...streams.events].sort()).toEqual(['broker ended with 0', 'stdio ended with 1']);
  });
});

describe('broker', () => {
  test('reads what the host announces and logs it', async () => {
    await using plugin = await servePlugin();
    const streams = openStreams(plugin);
    streams.broker.write({ serviceId: 1, network: 'unix', address: '/tmp/host', knock: undefined });
    streams.broker.end();
    streams.stdio.cancel();
    await streams.ended;
    expect(plugin.log).toContainEqual(
      expect.objectContaining({ level: 'debug', fields: { service_id: 1, network: 'unix' } }),
    );
  });

  test('answers a knock with an error, and an answer to a knock with nothing', async () => {
    await using plugin = await servePlugin();
    const { path, requestSerialize, responseDeserialize } = BrokerService.startStream;
    const stream = plugin.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
    const answers: ConnInfo[] = [];
    stream.on('data', (info: ConnInfo) => answers.push(info));
    const ended = new Promise((resolve) => stream.on('status', resolve));
    stream.write({ serviceId: 7, network: '', address: '', knock: { knock: true, ack: true, error: '' } });
    stream.write({ serviceId: 8, network: '', address: '', knock: { knock: true, ack: false, error: '' } });
    stream.end();
    await ended;
    const error = 'this plugin does not support gRPC broker multiplexing';
    expect(answers).toEqual([{ serviceId: 8, network: '', address: '', knock: { knock: true, ack: true, error } }]);
  });
});

test('P31: Shutdown is answered first and acted on afterwards', async () => {
  const order: string[] = [];
  const acted = Promise.withResolvers<undefined>();
  const { implementation } = createController(() => {
    order.push('acted on');
    acted.resolve(undefined);
  });
  const { shutdown } = implementation as GRPCControllerServer;
  shutdown({} as never, () => order.push('answered'));
  await acted.promise;
  expect(order).toEqual(['answered', 'acted on']);
});

test('the stop that follows Shutdown does not cut off its answer', async () => {
  const acted = Promise.withResolvers<undefined>();
  await using plugin = await servePlugin({
    onShutdown: () => {
      plugin.services.stop();
      void plugin.server.close().then(() => acted.resolve(undefined));
    },
  });
  expect(await plugin.call(ControllerService.shutdown, {})).toEqual({});
  await acted.promise;
});
