import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { status } from '@grpc/grpc-js';

import type { HealthEvent, PluginState } from '../../../plugin-host/index.ts';
import { startCallers } from '../../../scripts/callers.ts';
import { DOWN, kill, quick } from './down.ts';
import { load, logged, type Stage, stateOf } from './host-fixture.ts';
import { startKeystoreStage } from './keystore-stage.ts';

/** The states entered from now on. */
function follow({ plugin }: Stage): string[] {
  const states: string[] = [];
  plugin.on('state', ({ name, generation }) => states.push(`${name} ${generation}`));
  return states;
}

describe('a plugin that ends is started again', () => {
  test('R-HOST-12 R-HOST-08 kill -9 of the executable under load: calls reject at once with the reason, then all goes on', async () => {
    await using stage = await startKeystoreStage({ restart: { minBackoffMs: 50, maxRestarts: 100 } });
    const { plugin } = stage;
    const callers = startCallers(16, () => stage.call());
    const rounds = 5;
    for (let round = 1; round <= rounds; round += 1) {
      await callers.answers(50);
      const { error, signal, restartInMs } = await kill(stage);
      expect({ signal, message: error.message }).toEqual({
        signal: 'SIGKILL',
        message: 'plugin OPENBAO was ended by SIGKILL',
      });
      expect(restartInMs).toBeGreaterThan(0);
      await plugin.ready();
    }
    await callers.answers(50);
    await callers.stop();
    // Whoever had a call in flight saw its reason, once per fall, and nothing else ever.
    for (const error of callers.errors) {
      expect(error).toMatchObject({ code: 'ERR_PLUGIN_EXITED', details: { plugin: 'OPENBAO', signal: 'SIGKILL' } });
    }
    expect(new Set(callers.errors).size).toBe(rounds);
    expect(callers.errors.length).toBeLessThanOrEqual(rounds * 16);
    expect(plugin.state).toMatchObject({ name: 'ready', generation: rounds + 1 });
    expect(plugin.status()).toMatchObject({ restarts: rounds, lastCrash: { generation: rounds, signal: 'SIGKILL' } });
  });

  test('R-HOST-12 the configuration is replayed to each generation, in a fresh process', async () => {
    await using stage = await load('good.ts', { configuration: 'key: value', restart: quick });
    const states = follow(stage);
    const first = await stage.plugin.ready();
    await kill(stage);
    await expect(stage.plugin.client.test.echo({ text: 'again' })).resolves.toEqual({ text: 'again' });
    const second = await stage.plugin.ready();
    expect(second).toMatchObject({ generation: 2, serviceNames: first.serviceNames });
    expect(second.pid).not.toBe(first.pid);
    expect(second.certificateFingerprint).not.toBe(first.certificateFingerprint);
    expect(states).toEqual(['ready 1', 'backoff 1', 'starting 2', 'ready 2']);
    const configured = stage.log.filter(({ message }) => message === 'Configure');
    expect(configured.map(({ fields }) => fields)).toEqual([{ yaml: 'key: value' }, { yaml: 'key: value' }]);
    expect(stage.log).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'plugin TEST was ended by SIGKILL', generation: 1 }),
    );
  });

  test.each([
    [
      'an exit code',
      { exitCode: 9, text: 'last words' },
      { exitCode: 9, lastStderr: expect.arrayContaining(['last words']) as unknown },
      'exited with code 9',
    ],
    ['a signal', { signal: 'SIGSEGV' as const }, { signal: 'SIGSEGV' }, 'was ended by SIGSEGV'],
    ['an orderly exit nobody asked for', { exitCode: 0 }, { exitCode: 0 }, 'exited with code 0'],
  ])('R-HOST-12 the reason is kept: %s', async (_name, request, kept, how) => {
    await using stage = await load('good.ts', { restart: quick });
    await stage.plugin.ready();
    const before = Date.now();
    await expect(stage.plugin.client.test.exit(request)).rejects.toMatchObject({ code: 'ERR_PLUGIN_EXITED' });
    await stage.plugin.ready();
    const { lastCrash } = stage.plugin.status();
    expect(lastCrash).toMatchObject({ ...kept, generation: 1, error: { message: `plugin TEST ${how}` } });
    expect(lastCrash!.at.getTime()).toBeGreaterThanOrEqual(before);
    expect(lastCrash!.readyMs).toBeGreaterThan(0);
    expect(lastCrash!.restartInMs).toBeGreaterThanOrEqual(16);
  });

  test('R-HOST-13 flapping ends in failed, with the reason; restart() brings it back', async () => {
    await using stage = await load('good.ts', { restart: { ...quick, maxRestarts: 2 } });
    const { plugin } = stage;
    const states = follow(stage);
    for (let fall = 0; fall < 3; fall += 1) await kill(stage);
    const failed = {
      code: 'ERR_RESTARTS',
      message: 'plugin TEST fell again after 2 restarts within 300000 ms: plugin TEST was ended by SIGKILL',
      details: { plugin: 'TEST', signal: 'SIGKILL' },
    };
    expect(plugin.state).toMatchObject({ name: 'failed', generation: 3, error: failed });
    await expect(plugin.client.test.echo({})).rejects.toMatchObject(failed);
    await expect(plugin.ready()).rejects.toMatchObject(failed);
    expect(plugin.status()).toMatchObject({ state: 'failed', reason: failed.message, restarts: 2, uptimeMs: 0 });
    expect(plugin.status().lastCrash).not.toHaveProperty('restartInMs');

    await expect(plugin.restart()).resolves.toMatchObject({ generation: 4 });
    await expect(plugin.client.test.echo({ text: 'back' })).resolves.toEqual({ text: 'back' });
    await kill(stage);
    await stateOf(plugin, 'ready');
    expect(states).toEqual([
      ...['ready 1', 'backoff 1', 'starting 2', 'ready 2', 'backoff 2', 'starting 3', 'ready 3', 'failed 3'],
      ...['starting 4', 'ready 4', 'backoff 4', 'starting 5', 'ready 5'],
    ]);
  });

  test('R-HOST-13 one that never comes up ends in failed with what it said', async () => {
    await using stage = await load('exits-early.sh', { restart: quick });
    await expect(stage.plugin.ready()).rejects.toMatchObject({
      code: 'ERR_RESTARTS',
      details: { exitCode: 3, lastStderr: ['cannot open the configuration'], step: 'start' },
      cause: { code: 'ERR_PLUGIN_EXITED' },
    });
    expect(stage.plugin.state.generation).toBe(4);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('restart() of a plugin that serves gives it a fresh process without a failed call', async () => {
    await using stage = await load('good.ts', { restart: quick });
    const { generation, pid } = await stage.plugin.ready();
    const call = stage.plugin.client.test.echo({ text: 'late', delayMs: 300 });
    const info = await stage.plugin.restart();
    await expect(call).resolves.toEqual({ text: 'late' });
    expect(info.generation).toBe(generation + 1);
    expect(info.pid).not.toBe(pid);
    expect(stage.plugin.status()).toMatchObject({ restarts: 0, swaps: 1 });
  });

  test('restart() after close is refused', async () => {
    await using stage = await load('good.ts');
    await stage.close();
    await expect(stage.plugin.restart()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('calls while the plugin is down', () => {
  const slow = { minBackoffMs: 60_000, maxBackoffMs: 60_000 };

  test('R-HOST-18 wait for it within their time', async () => {
    await using stage = await load('good.ts', { restart: slow });
    await kill(stage);
    const { client } = stage.plugin;
    const late = expect(client.test.echo({}, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'ERR_NOT_READY',
      message: 'plugin TEST was not ready in the time of the call; it is backoff: plugin TEST was ended by SIGKILL',
      cause: { code: 'ERR_PLUGIN_EXITED' },
    });
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const aborted = expect(client.test.echo({}, { signal: controller.signal })).rejects.toBe(reason);
    const patient = client.test.echo({ text: 'patient' });
    await late;
    controller.abort(reason);
    await aborted;
    await stage.plugin.restart();
    await expect(patient).resolves.toEqual({ text: 'patient' });
  });

  test('R-HOST-18 or not at all, if they say so', async () => {
    await using stage = await load('good.ts', { restart: slow });
    await kill(stage);
    const refused = {
      code: 'ERR_NOT_READY',
      message: expect.stringContaining('is not ready; it is backoff') as string,
    };
    await expect(stage.plugin.client.test.echo({}, { waitForReady: false })).rejects.toMatchObject(refused);
  });

  test('R-HOST-18 or if the plugin’s options do, unless the call says otherwise', async () => {
    await using stage = await load('good.ts', { restart: slow, waitForReady: false });
    await expect(stage.plugin.client.test.echo({})).rejects.toMatchObject({
      code: 'ERR_NOT_READY',
      message: 'plugin TEST is not ready; it is starting',
    });
    await expect(stage.plugin.client.test.echo({ text: 'on' }, { waitForReady: true })).resolves.toEqual({
      text: 'on',
    });
  });
});

describe('health', () => {
  const health = { intervalMs: 50, timeoutMs: 100, failures: 3 };
  const refusing = (code: status): string => `the health check failed: ${status[code]}`;

  test.each([
    [
      'a plugin that answers NOT_SERVING',
      '2',
      'plugin TEST failed 3 health checks in a row: the health check answered NOT_SERVING',
    ],
    ['a plugin that does not answer', 'silent', refusing(status.DEADLINE_EXCEEDED)],
  ])('R-HOST-14 %s three times in a row is ended and started again', async (_name, kind, message) => {
    await using stage = await load('sick.ts', { args: [kind], health, restart: { ...quick, maxRestarts: 1000 } });
    const checks: HealthEvent[] = [];
    stage.plugin.on('health', (check) => checks.push(check));
    const info = await stage.plugin.ready();
    const call = stage.plugin.client.test.hang({}, { timeoutMs: 60_000 });
    const unhealthy = { code: 'ERR_UNHEALTHY', message: expect.stringContaining(message) as string };
    await expect(call).rejects.toMatchObject(unhealthy);
    expect(checks.map(({ failures, healthy, generation }) => ({ failures, healthy, generation }))).toEqual(
      [1, 2, 3].map((failures) => ({ failures, healthy: false, generation: 1 })),
    );
    const next = await stage.plugin.ready();
    expect(next.pid).not.toBe(info.pid);
    expect(stage.plugin.status().lastCrash).toMatchObject({
      generation: 1,
      error: unhealthy,
      lastStderr: expect.arrayContaining([expect.stringContaining('Configure')]) as unknown,
    });
  });

  test('R-HOST-14 a plugin that is stopped by a signal is ended', async () => {
    await using stage = await load('sick.ts', { args: ['1'], health, restart: quick });
    const { pid } = await stage.plugin.ready();
    const states = follow(stage);
    process.kill(pid, 'SIGSTOP');
    const backoff = (await stateOf(stage.plugin, 'backoff')) as PluginState & { error: Error };
    expect(backoff.error).toMatchObject({ code: 'ERR_UNHEALTHY' });
    expect((await stage.plugin.ready()).pid).not.toBe(pid);
    expect(states[0]).toBe('backoff 1');
  });

  test.each([
    ['says SERVING', 'sick.ts', { args: ['1'] }],
    ['has no health service', 'good.ts', {}],
  ])('R-HOST-14 a plugin that %s is healthy', async (_name, fixture, options) => {
    await using stage = await load(fixture, { ...options, health: { ...health, failures: 1, timeoutMs: 5000 } });
    const { generation } = await stage.plugin.ready();
    while (!stage.plugin.status().health) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stage.plugin.status()).toMatchObject({ state: 'ready', generation, health: { healthy: true, failures: 0 } });
  });
});

describe('R-HOST-17 close leaves nothing', () => {
  test.each(Object.keys(DOWN))('%s', async (name) => {
    const { fixture, options, reached } = DOWN[name]!;
    await using stage = await load(fixture, options);
    await reached(stage);
    await stage.close();
    expect(stage.plugin.state.name).toBe('closed');
    expect(await stage.leftovers()).toEqual([]);
    await logged(stage.log, 'plugin closed');
  });

  test('neither timer nor handle: a host program that closes its plugins ends by itself', async () => {
    const program = spawn(process.execPath, ['test/process/plugin-host/closing-host.ts'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await expect(once(program, 'exit')).resolves.toEqual([0, null]);
  });
});
