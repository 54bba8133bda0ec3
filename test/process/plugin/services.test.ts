import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { connectivityState, status } from '@grpc/grpc-js';

import {
  initServiceNames,
  PLUGIN_TYPES,
  SERVICE_DEFINITIONS,
  type PluginType,
} from '../../../keystore-contract/plugin-types.ts';
import { HealthService } from '../../../plugin-protocol/services.ts';
import { GetKeyRequest } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { startCountingServer } from '../../support/counting-server.ts';
import { bundle, startPlugin } from '../../support/plugin-process.ts';
import { openStreams } from '../../support/plugin-streams.ts';

const { bootstrap, config, keyOperation } = SERVICE_DEFINITIONS;
const MIB = 1024 * 1024;
const SERVING = { status: 1 };
const announcement = (serviceId: number) => ({
  serviceId,
  network: 'unix',
  address: '/nobody/listens',
  knock: undefined,
});

test.each(['plugin', ''])('P23 R-PROC-27 health of %j is SERVING', async (service) => {
  await using plugin = await startPlugin();
  expect(await plugin.call(HealthService.check, { service })).toEqual(SERVING);
});

test('P23 R-PROC-27 health of anything else is NOT_FOUND', async () => {
  await using plugin = await startPlugin();
  for (const service of ['nothing', 'Plugin', 'plugin ', '__proto__', 'x'.repeat(MIB)]) {
    expect(await plugin.refusal(HealthService.check, { service })).toEqual({
      code: status.NOT_FOUND,
      message: 'unknown service',
    });
  }
});

test('P24 R-PROC-28 health answers within 5 s while calls wait and large requests come in', async () => {
  await using server = await startCountingServer();
  await using plugin = await startPlugin();
  await plugin.call(config.configure, { yamlConfiguration: server.yaml() });
  const waiting = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
  const large = GetKeyRequest.create({ parameters: { keyId: 'k'.repeat(8 * MIB) } });
  const aborted = Array.from({ length: 64 }, () => plugin.call(keyOperation.getKey, waiting).catch(() => undefined));
  const refused = Array.from({ length: 8 }, () => plugin.refusal(keyOperation.getKey, large));
  for (let check = 0; check < 20; check += 1) {
    const deadline = Date.now() + 5_000;
    expect(await plugin.call(HealthService.check, { service: 'plugin' }, { deadline })).toEqual(SERVING);
  }
  for (const { code } of await Promise.all(refused)) expect(code).toBe(status.INVALID_ARGUMENT);
  await plugin.stop();
  await Promise.all(aborted);
});

test('P25 P26 R-PROC-29 R-PROC-30 both streams of the host stay open and silent until the plugin stops', async () => {
  await using plugin = await startPlugin();
  const streams = openStreams(plugin);
  streams.broker.write(announcement(1));
  await plugin.logged(({ message, fields }) => message.startsWith('broker announcement') && fields.service_id === 1);
  await plugin.call(bootstrap.init, { hostServiceNames: ['host.Service'] });
  await plugin.call(config.configure, { yamlConfiguration: '' });
  for (let call = 0; call < 200; call += 1) await plugin.call(HealthService.check, { service: 'plugin' });
  streams.broker.write(announcement(2));
  await plugin.logged(({ fields }) => fields.service_id === 2);
  expect(streams.events).toEqual([]);
  await plugin.stop();
  await streams.ended;
  expect(streams.events.toSorted()).toEqual(['broker ended with 0', 'stdio ended with 0']);
});

test('P26 a knock, which asks for multiplexing, is answered and refused', async () => {
  await using plugin = await startPlugin();
  const { broker, ended, cancel } = openStreams(plugin);
  const answer = new Promise((resolve) => broker.once('data', resolve));
  broker.write({ ...announcement(7), knock: { knock: true, ack: false, error: '' } });
  expect(await answer).toMatchObject({
    serviceId: 7,
    knock: { ack: true, error: expect.stringMatching(/./) as string },
  });
  cancel();
  await ended;
});

test('P26 a flood of announcements does no harm', async () => {
  await using plugin = await startPlugin();
  const streams = openStreams(plugin);
  for (let id = 1; id <= 2_000; id += 1) streams.broker.write(announcement(id));
  await plugin.logged(({ fields }) => fields.service_id === 2_000);
  expect(await plugin.call(HealthService.check, { service: 'plugin' })).toEqual(SERVING);
  streams.cancel();
  await streams.ended;
});

test('P33 has no child process', async () => {
  await using plugin = await startPlugin();
  await plugin.call(config.configure, { yamlConfiguration: '' });
  const threads = await readdir(`/proc/${plugin.pid}/task`);
  const children = threads.map((thread) => readFile(`/proc/${plugin.pid}/task/${thread}/children`, 'utf8'));
  expect((await Promise.all(children)).join('')).toBe('');
});

test('P44 connection and streams outlive more than ten idle minutes', async () => {
  const program = bundle('--require', join(process.cwd(), 'test/process/plugin/preloads/fast-clock.cjs'));
  await using plugin = await startPlugin({ program });
  const streams = openStreams(plugin);
  await plugin.call(config.configure, { yamlConfiguration: '' });
  await setTimeout(2_000); // 33 minutes for the plugin; grpc-go lets go of an idle channel after 30
  expect(plugin.client.getChannel().getConnectivityState(false)).toBe(connectivityState.READY);
  expect(await plugin.call(HealthService.check, { service: 'plugin' })).toEqual(SERVING);
  expect(streams.events).toEqual([]);
  streams.cancel();
  await streams.ended;
});

test.each(Object.keys(PLUGIN_TYPES) as PluginType[])(
  'P46 R-PROC-20 R-PROC-26 %s: Init names its services, Deinit may be repeated',
  async (type) => {
    await using plugin = await startPlugin({ type });
    const names = { pluginServiceNames: initServiceNames(type) };
    expect(await plugin.call(bootstrap.init, { hostServiceNames: [] })).toEqual(names);
    expect(await plugin.call(bootstrap.init, { hostServiceNames: ['a', 'b'] })).toEqual(names);
    await plugin.call(config.configure, { yamlConfiguration: '' });
    expect(await plugin.call(bootstrap.deinit, {})).toEqual({});
    expect(await plugin.call(bootstrap.deinit, {})).toEqual({});
    // CMK goes on calling after Deinit.
    expect(await plugin.call(HealthService.check, { service: 'plugin' })).toEqual(SERVING);
  },
);

describe('P47 Configure', () => {
  test('accepts the empty text', async () => {
    await using plugin = await startPlugin();
    const { buildInfo } = await plugin.call(config.configure, { yamlConfiguration: '' });
    expect(JSON.parse(buildInfo!)).toMatchObject({ product: 'keystoreop-openbao' });
  });

  test('many at once beside calls: every answer is one of the two configurations', async () => {
    await using server = await startCountingServer();
    await using plugin = await startPlugin();
    const yamls = [server.yaml(200), server.yaml(300)] as const;
    await plugin.call(config.configure, { yamlConfiguration: yamls[0] });
    const request = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
    const rounds = Array.from({ length: 20 }, async (_, round) => {
      const yamlConfiguration = yamls[round % 2]!;
      const [, refusal] = await Promise.all([
        plugin.call(config.configure, { yamlConfiguration }),
        plugin.refusal(keyOperation.getKey, request),
      ]);
      return refusal.code;
    });
    expect(new Set(await Promise.all(rounds))).toEqual(new Set([status.DEADLINE_EXCEEDED]));
  });

  test('a refused text leaves the configuration in force', async () => {
    await using server = await startCountingServer();
    await using plugin = await startPlugin();
    await plugin.call(config.configure, { yamlConfiguration: server.yaml(200) });
    const refusal = await plugin.refusal(config.configure, { yamlConfiguration: 'openbao: { adresses: [] }' });
    expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(refusal.message).toContain('adresses');
    const request = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
    expect(await plugin.refusal(keyOperation.getKey, request)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(server.seen.requests).toBe(1);
  });

  test('R-PROC-23 succeeds while OpenBao is down, without connecting', async () => {
    await using plugin = await startPlugin();
    const yamlConfiguration = `
development: true
openbao: { addresses: ["https://127.0.0.1:1"] }
auth: { method: approle, roleId: role, secretId: { value: secret } }
`;
    await plugin.call(config.configure, { yamlConfiguration });
    const request = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
    expect(await plugin.refusal(keyOperation.getKey, request)).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'UNREACHABLE',
    });
  });
});
