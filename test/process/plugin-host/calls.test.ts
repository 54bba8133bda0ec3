import { setTimeout as sleep } from 'node:timers/promises';

import { status } from '@grpc/grpc-js';

import { load, logged, type Stage } from './host-fixture.ts';

describe('calls', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await load('good.ts');
    await stage.plugin.ready();
  });

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  test('L2 R-HOST-08 a status with details passes unchanged', async () => {
    const { test: client } = stage.plugin.client;
    const text = 'key not found in the keystore provider';
    await expect(client.refuse({ status: status.NOT_FOUND, text, reason: 'KEY_NOT_FOUND' })).rejects.toMatchObject({
      name: 'PluginCallError',
      code: 5,
      status: 'NOT_FOUND',
      message: text,
      plugin: 'TEST',
      method: '/test.v1.TestService/Refuse',
      errorInfo: { reason: 'KEY_NOT_FOUND', domain: 'test', metadata: { key: 'value' } },
      retryDelayMs: 1500,
    });
    await expect(client.refuse({ status: status.PERMISSION_DENIED, text: '' })).rejects.toMatchObject({
      code: 7,
      message: '',
      errorInfo: undefined,
    });
  });

  test('UNAVAILABLE from the plugin is the plugin’s, and not repeated', async () => {
    const before = Date.now();
    await expect(
      stage.plugin.client.test.refuse({ status: status.UNAVAILABLE, text: 'backend away' }),
    ).rejects.toMatchObject({
      name: 'PluginCallError',
      status: 'UNAVAILABLE',
      message: 'backend away',
    });
    expect(Date.now() - before).toBeLessThan(5000);
  });

  test('a call ends at its time', async () => {
    await expect(stage.plugin.client.test.hang({}, { timeoutMs: 100 })).rejects.toMatchObject({
      name: 'PluginCallError',
      status: 'DEADLINE_EXCEEDED',
    });
  });

  test('a call ends with its signal, and rejects with the signal’s reason', async () => {
    const reason = new Error('no longer wanted');
    const controller = new AbortController();
    const call = stage.plugin.client.test.hang({}, { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(call).rejects.toBe(reason);
    await expect(stage.plugin.client.test.echo({}, { signal: controller.signal })).rejects.toBe(reason);
    await expect(stage.plugin.client.test.echo({ text: 'on' })).resolves.toEqual({ text: 'on' });
  });

  test.each([0, -1, Number.NaN, 1e12])('timeoutMs %p is refused', async (timeoutMs) => {
    await expect(stage.plugin.client.test.echo({}, { timeoutMs })).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });

  test('H35 messages of 8 MiB pass both ways', async () => {
    const text = 'x'.repeat(8 * 1024 * 1024);
    const answer = await stage.plugin.client.test.echo({ text });
    expect(answer.text?.length).toBe(text.length);
  });

  test('many calls at once keep their answers apart', async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => String(index));
    const answers = await Promise.all(numbers.map((text) => stage.plugin.client.test.echo({ text })));
    expect(answers.map(({ text }) => text)).toEqual(numbers);
  });
});

test('H35 RESOURCE_EXHAUSTED of a plugin that takes 4 MiB passes on', async () => {
  await using stage = await load('small-messages.ts');
  const text = 'x'.repeat(5 * 1024 * 1024);
  await expect(stage.plugin.client.test.echo({ text })).rejects.toMatchObject({
    name: 'PluginCallError',
    status: 'RESOURCE_EXHAUSTED',
  });
});

test('a call waits for a starting plugin, within its own time', async () => {
  await using stage = await load('init-hangs.ts', { initTimeoutMs: 60_000, shutdownTimeoutMs: 100 });
  await expect(stage.plugin.client.test.echo({}, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'ERR_NOT_READY' });
  const signal = AbortSignal.timeout(50);
  await expect(stage.plugin.client.test.echo({}, { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
  await expect(stage.plugin.ready({ signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' });
});

describe('H28 R-HOST-08 the plugin is gone', () => {
  test.each([
    ['kill -9', (pid: number) => process.kill(pid, 'SIGKILL'), { signal: 'SIGKILL' }, 'was ended by SIGKILL'],
    ['SIGSEGV', (pid: number) => process.kill(pid, 'SIGSEGV'), { signal: 'SIGSEGV' }, 'was ended by SIGSEGV'],
  ])('%s: calls in flight reject at once, later ones too', async (_name, kill, details, how) => {
    await using stage = await load('good.ts');
    const { pid } = await stage.plugin.ready();
    const states: string[] = [];
    stage.plugin.on('state', ({ name }) => states.push(name));
    const calls = Array.from({ length: 20 }, () => stage.plugin.client.test.hang({}));
    const outcomes = Promise.allSettled(calls);
    await logged(stage.log, 'Hang');
    kill(pid);
    const errors = (await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason as Error);
    expect(new Set(errors).size).toBe(1);
    expect(errors[0]).toMatchObject({
      name: 'PluginHostError',
      code: 'ERR_PLUGIN_EXITED',
      message: `plugin TEST ${how}`,
      details: {
        plugin: 'TEST',
        ...details,
        lastStderr: expect.arrayContaining([expect.stringContaining('Hang')]) as unknown,
      },
    });
    await expect(stage.plugin.client.test.echo({})).rejects.toBe(errors[0]);
    expect(stage.plugin.state).toMatchObject({ name: 'failed', generation: 1, error: errors[0] });
    await sleep(0);
    expect(states).toEqual(['failed']);
    await stage.close();
    await expect(stage.plugin.client.test.echo({})).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('an exit inside a call, with its code and last words', async () => {
    await using stage = await load('good.ts');
    await stage.plugin.ready();
    const lines = Array.from({ length: 30 }, (_, index) => `word ${index}`);
    await expect(stage.plugin.client.test.exit({ exitCode: 9, text: lines.join('\n') })).rejects.toMatchObject({
      code: 'ERR_PLUGIN_EXITED',
      message: 'plugin TEST exited with code 9',
      details: { exitCode: 9, lastStderr: lines.slice(-20) },
    });
  });
});
