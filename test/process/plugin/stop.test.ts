import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

import { status } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { ControllerService, HealthService } from '../../../plugin-protocol/services.ts';
import { GetKeyRequest } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { startCountingServer } from '../../support/counting-server.ts';
import { bundle, spawnPlugin, startPlugin, type Program, type ServingPlugin } from '../../support/plugin-process.ts';
import { openStreams } from '../../support/plugin-streams.ts';
import { processGone } from '../../support/process-gone.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { config, keyOperation } = SERVICE_DEFINITIONS;
// go-plugin's host kills a plugin that is not gone by then.
const KILL_AFTER_MS = 2_000;
const getKey = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
const ORDERLY = { code: 0, signal: null };

const programs = (): [string, Program][] => [
  ['executable', [builtPlugin()]],
  ['bundle', bundle()],
];

const check = (plugin: ServingPlugin) => plugin.call(HealthService.check, { service: 'plugin' });

/** Asks for the end as a host does, and waits for it as long as a host does. Then nothing may be left. */
async function shutDown(plugin: ServingPlugin): Promise<void> {
  const limit = AbortSignal.timeout(KILL_AFTER_MS);
  // Whatever comes of the call counts as an answer.
  await plugin.call(ControllerService.shutdown, {}).catch(() => undefined);
  expect(await plugin.ended).toEqual(ORDERLY);
  expect(limit.aborted).toBe(false);
  expect(await readdir(plugin.folder)).toEqual([]);
}

describe.each(programs())('the %s', (_, program) => {
  test('P31 R-PROC-50 Shutdown is answered, then the process ends with code 0 and the socket is gone', async () => {
    await using plugin = await startPlugin({ program });
    await check(plugin);
    expect(await plugin.call(ControllerService.shutdown, {})).toEqual({});
    expect(await plugin.ended).toEqual(ORDERLY);
    expect(await readdir(plugin.folder)).toEqual([]);
  });

  test('P32 R-PROC-50 Shutdown during calls that get no answer, with both streams open', async () => {
    await using server = await startCountingServer();
    await using plugin = await startPlugin({ program });
    const streams = openStreams(plugin);
    await plugin.call(config.configure, { yamlConfiguration: server.yaml() });
    const calls = Array.from({ length: 10 }, () => plugin.refusal(keyOperation.getKey, getKey));
    await check(plugin); // behind the calls on the connection
    await shutDown(plugin);
    for (const { code } of await Promise.all(calls)) {
      expect([status.UNAVAILABLE, status.CANCELLED]).toContain(code);
    }
    await streams.ended;
  });

  test('P34 R-PROC-51 SIGINT is ignored, SIGTERM ends the plugin in an orderly way', async () => {
    await using plugin = await startPlugin({ program });
    for (let count = 0; count < 3; count += 1) plugin.kill('SIGINT');
    await plugin.logged(({ message }) => message === 'interrupt ignored');
    expect(await check(plugin)).toEqual({ status: 1 });
    plugin.kill('SIGTERM');
    expect(await plugin.ended).toEqual(ORDERLY);
    expect(await readdir(plugin.folder)).toEqual([]);
  });

  test('P35 R-PROC-52 the host is killed: the plugin ends by itself and takes its socket along', async () => {
    await using folder = await temporaryFolder();
    const { pid, output } = await runDoomedHost('later', folder.path, program);
    expect(output).toMatch(/^1\|1\|unix\|/);
    await expectGoneInTime(pid, folder.path);
  });

  test('P35 the host is killed while the plugin starts', async () => {
    await using folder = await temporaryFolder();
    const { pid } = await runDoomedHost('now', folder.path, program);
    await expectGoneInTime(pid, folder.path);
  });
});

/** Runs a host up to its end and answers what it printed of its plugin. */
async function runDoomedHost(when: string, folder: string, program: Program): Promise<{ pid: number; output: string }> {
  const args = ['test/process/plugin/doomed-host.ts', when, folder, ...program];
  const stdout = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { timeout: 20_000 }, (_error, text) => resolve(text));
  });
  const [pid, ...lines] = stdout.split('\n');
  return { pid: Number(pid), output: lines.join('\n') };
}

async function expectGoneInTime(pid: number, folder: string): Promise<void> {
  expect(pid).toBeGreaterThan(1);
  const limit = AbortSignal.timeout(KILL_AFTER_MS);
  await processGone(pid);
  expect(limit.aborted).toBe(false);
  expect(await readdir(folder)).toEqual([]);
}

test('P31 Shutdown twice at once is harmless', async () => {
  await using plugin = await startPlugin();
  await check(plugin);
  await Promise.all([shutDown(plugin), shutDown(plugin)]);
});

test('P31 Shutdown comes first of all calls, right after the handshake', async () => {
  await using plugin = await startPlugin();
  await shutDown(plugin);
});

test('P32 a client that holds a stream of health open does not delay the end', async () => {
  await using plugin = await startPlugin();
  const { watch } = HealthService;
  const stream = plugin.client.makeServerStreamRequest(watch.path, watch.requestSerialize, watch.responseDeserialize, {
    service: 'plugin',
  });
  const seen: unknown[] = [];
  stream.on('data', (answer) => seen.push(answer)).on('error', () => undefined);
  await new Promise((resolve) => stream.once('data', resolve));
  await shutDown(plugin);
  expect(seen).toEqual([{ status: 1 }, { status: 2 }]); // SERVING, NOT_SERVING
});

test('P34 R-PROC-51 SIGTERM during calls that get no answer', async () => {
  await using server = await startCountingServer();
  await using plugin = await startPlugin();
  await plugin.call(config.configure, { yamlConfiguration: server.yaml() });
  const call = plugin.refusal(keyOperation.getKey, getKey);
  await check(plugin);
  plugin.kill('SIGTERM');
  expect(await plugin.ended).toEqual(ORDERLY);
  await call;
});

test('P34 SIGTERM at any moment of the start leaves no file', async () => {
  for (const afterMs of [0, 15, 30, 45, 60, 75, 90]) {
    const plugin = await spawnPlugin();
    await setTimeout(afterMs);
    plugin.kill('SIGTERM');
    const { code, signal } = await plugin.ended;
    const left = await readdir(plugin.folder);
    await plugin.stop().catch(() => undefined);
    // Before the plugin has handlers the system ends it.
    expect(signal ?? code).toBe(signal === null ? 0 : 'SIGTERM');
    expect(left).toEqual([]);
  }
});

describe('P36 R-PROC-43 when nobody reads stderr any more', () => {
  const CPU_TICKS_PER_SECOND = 100;

  async function cpuSeconds(pid: number): Promise<number> {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(user) + Number(system)) / CPU_TICKS_PER_SECOND;
  }

  test('the plugin serves on, idles when idle, and stops when told', async () => {
    await using plugin = await startPlugin();
    await check(plugin);
    plugin.closeStderr();
    for (let call = 0; call < 20; call += 1) await plugin.refusal(keyOperation.getKey, getKey); // each logs a line
    const before = await cpuSeconds(plugin.pid);
    await setTimeout(1_000);
    expect((await cpuSeconds(plugin.pid)) - before).toBeLessThan(0.5);
    expect(await check(plugin)).toEqual({ status: 1 });
    await shutDown(plugin);
  });
});

test('thirty rounds of start, call and stop leave no file and no process', async () => {
  await using folder = await temporaryFolder();
  for (let round = 0; round < 30; round += 1) {
    await using plugin = await startPlugin({ variables: { TMPDIR: folder.path } });
    await check(plugin);
    await shutDown(plugin);
    await processGone(plugin.pid);
    expect(await readdir(folder.path)).toEqual([]);
  }
});
