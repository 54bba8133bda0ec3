import { resolve } from 'node:path';

import { load, logged, type Stage, stateOf } from './host-fixture.ts';

const running = async (stage: Stage): Promise<void> => {
  while (!(await stage.leftovers()).some((entry) => entry.startsWith('process'))) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const quick = { shutdownTimeoutMs: 200 };
const ended = { message: 'plugin process ended' };

describe('ordered stop', () => {
  test('H24 an error of Shutdown is a success', async () => {
    await using stage = await load('dies-in-shutdown.ts');
    await stage.plugin.ready();
    await stage.close();
    expect(stage.log).toContainEqual(expect.objectContaining({ ...ended, exitCode: 0, signal: null }));
  });

  test('H24 R-HOST-10 a plugin that answers Shutdown and stays is killed after 2 s', async () => {
    await using stage = await load('stubborn.ts', quick);
    await stage.plugin.ready();
    const before = Date.now();
    await stage.close();
    expect(Date.now() - before).toBeGreaterThanOrEqual(1990);
    expect(stage.log).toContainEqual(expect.objectContaining({ ...ended, exitCode: null, signal: 'SIGKILL' }));
    expect(await stage.leftovers()).toEqual([]);
  });

  test('H25 L6 R-HOST-10 a plugin that is deaf to Shutdown is killed', async () => {
    await using stage = await load('deaf.ts', quick);
    await stage.plugin.ready();
    await stage.close();
    expect(stage.log).toContainEqual(expect.objectContaining({ ...ended, signal: 'SIGKILL' }));
    expect(await stage.leftovers()).toEqual([]);
  });

  test('H26 a grandchild that holds the pipes dies with its group, after an orderly end too', async () => {
    await using stage = await load('grandchild.ts');
    await stage.plugin.ready();
    await stage.close();
    expect(stage.log).toContainEqual(expect.objectContaining({ ...ended, exitCode: 0 }));
    expect(await stage.leftovers()).toEqual([]);
  });

  test('H26 a plugin behind a shell that waits for it is killed with the shell', async () => {
    const args = [process.execPath, resolve('test/fixtures/plugins/deaf.ts')];
    await using stage = await load('wrapper.sh', { ...quick, args });
    await stage.plugin.ready();
    expect(await stage.leftovers()).toHaveLength(3);
    await stage.close();
    expect(await stage.leftovers()).toEqual([]);
  });

  test('H26 a grandchild that left the group holds nothing up', async () => {
    await using stage = await load('grandchild.ts', { args: ['leaves-the-group'] });
    await stage.plugin.ready();
    const { fields } = await logged(stage.log, 'grandchild');
    const { pid } = fields as { pid: number };
    try {
      await stage.close();
      expect(await stage.leftovers()).toEqual([`process ${pid}`]);
    } finally {
      process.kill(pid, 'SIGKILL');
      while ((await stage.leftovers()).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });

  test('H27 R-HOST-10 a second close is the same one', async () => {
    await using stage = await load('good.ts');
    await stage.plugin.ready();
    await Promise.all([stage.close(), stage.plugin.close(), stage.plugin.close({ force: true })]);
    await stage.close();
    expect(stage.log.filter(({ message }) => message === 'Shutdown')).toHaveLength(1);
    expect(stage.plugin.state).toEqual({ name: 'closed', generation: 1 });
  });

  test.each([
    ['before there is a process', 'good.ts', () => Promise.resolve()],
    ['before the handshake', 'silent.sh', running],
    ['during Init', 'init-hangs.ts', ({ log }: Stage) => logged(log, 'StreamStdio')],
  ])('H27 close %s', async (_name, fixture, reached) => {
    await using stage = await load(fixture, quick);
    const ready = stage.plugin.ready();
    const call = stage.plugin.client.test.echo({});
    const outcomes = Promise.allSettled([ready, call]);
    await reached(stage);
    await stage.close();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'ERR_CLOSED' } });
    expect(stage.plugin.state).toEqual({ name: 'closed', generation: 1 });
    expect(await stage.leftovers()).toEqual([]);
  });

  test('R-HOST-10 calls in flight finish before Deinit', async () => {
    await using stage = await load('good.ts');
    await stage.plugin.ready();
    const calls = [100, 300, 500].map((delayMs) => stage.plugin.client.test.echo({ text: 'late', delayMs }));
    const closing = stage.close();
    expect(stage.plugin.state).toEqual({ name: 'draining', generation: 1 });
    await expect(stage.plugin.client.test.echo({})).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(Promise.all(calls)).resolves.toEqual([{ text: 'late' }, { text: 'late' }, { text: 'late' }]);
    expect(stage.log.map(({ message }) => message)).not.toContain('Deinit');
    await closing;
  });

  test.each([
    ['the time for draining', { drainTimeoutMs: 100 }, {}],
    ['force', { drainTimeoutMs: 600_000 }, { force: true }],
  ])('a hanging call ends with %s', async (_name, options, how) => {
    await using stage = await load('good.ts', options);
    await stage.plugin.ready();
    const call = stage.plugin.client.test.hang({}, { timeoutMs: 600_000 }).catch((error: unknown) => error);
    await logged(stage.log, 'Hang');
    await stage.plugin.close(how);
    const error = (await call) as { code: string };
    expect(['ERR_CLOSED', 'ERR_PLUGIN_EXITED']).toContain(error.code);
  });

  test('force shortens a close that is already draining', async () => {
    await using stage = await load('good.ts', { drainTimeoutMs: 600_000 });
    await stage.plugin.ready();
    const call = stage.plugin.client.test.hang({}, { timeoutMs: 600_000 }).catch(() => undefined);
    await logged(stage.log, 'Hang');
    const closing = stage.plugin.close();
    void stage.plugin.close({ force: true });
    await closing;
    await call;
  });

  test('the signal closes the host', async () => {
    const controller = new AbortController();
    await using stage = await load('good.ts', {}, controller.signal);
    await stage.plugin.ready();
    controller.abort();
    await stateOf(stage.plugin, 'closed');
    expect(await stage.leftovers()).toEqual([]);
  });
});
