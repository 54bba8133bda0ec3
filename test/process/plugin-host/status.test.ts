import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';

import { status } from '@grpc/grpc-js';

import { load, loadAll, logged } from './host-fixture.ts';

const quick = { minBackoffMs: 20, maxBackoffMs: 50 };
const CHANNELS = ['state', 'crash', 'health', 'swap', 'failover', 'failback', 'call'];

/** What the channels carry until it is disposed of. */
function listen(): {
  messages: Record<string, unknown>[];
  of: (channel: string) => Record<string, unknown>[];
} & Disposable {
  const messages: Record<string, unknown>[] = [];
  const note = (message: unknown, name: string | symbol): void => {
    messages.push({ channel: String(name), ...(message as object) });
  };
  const names = CHANNELS.map((name) => `plugin-host:${name}`);
  for (const name of names) subscribe(name, note);
  return {
    messages,
    of: (channel) => messages.filter((message) => message.channel === `plugin-host:${channel}`),
    [Symbol.dispose]: () => {
      for (const name of names) unsubscribe(name, note);
    },
  };
}

describe('status', () => {
  test('R-HOST-20 tells state, generation, uptime, operations, success rate, latency and the last crash', async () => {
    await using stage = await load('good.ts', { restart: quick });
    const { plugin } = stage;
    expect(plugin.status()).toEqual({
      state: 'starting',
      generation: 1,
      uptimeMs: 0,
      restarts: 0,
      swaps: 0,
      failedOver: false,
      calls: {
        operations: 0,
        outcomes: { ok: 0, refused: 0, late: 0, lost: 0, cancelled: 0 },
        inFlight: 0,
        recent: { operations: 0, successRate: undefined, latencyMs: undefined },
      },
    });

    const info = await plugin.ready();
    const { client } = plugin;
    await client.test.echo({ delayMs: 20 });
    await client.test.refuse({ status: status.NOT_FOUND, text: 'no' }).catch(() => undefined);
    await client.test.hang({}, { timeoutMs: 30 }).catch(() => undefined);
    const controller = new AbortController();
    const call = client.test.hang({}, { signal: controller.signal }).catch(() => undefined);
    expect(plugin.status().calls.inFlight).toBe(1);
    controller.abort();
    await call;
    const busy = plugin.status();
    expect(busy).toMatchObject({
      state: 'ready',
      generation: 1,
      info,
      calls: {
        operations: 4,
        outcomes: { ok: 1, refused: 1, late: 1, lost: 0, cancelled: 1 },
        inFlight: 0,
        recent: { operations: 4, successRate: 1 / 3 },
      },
    });
    expect(busy.uptimeMs).toBeGreaterThan(40);
    expect(busy.calls.recent.latencyMs!.max).toBeGreaterThanOrEqual(20);
    expect(busy.calls.recent.latencyMs!.p50).toBeLessThanOrEqual(busy.calls.recent.latencyMs!.max);

    await client.test.exit({ exitCode: 9 }).catch(() => undefined);
    expect(plugin.status()).toMatchObject({
      state: 'backoff',
      reason: 'plugin TEST exited with code 9',
      uptimeMs: 0,
      lastCrash: { generation: 1, exitCode: 9 },
    });
    expect(plugin.status()).not.toHaveProperty('info');
    await plugin.ready();
    await plugin.replace({});
    expect(plugin.status()).toMatchObject({
      state: 'ready',
      generation: 3,
      restarts: 1,
      swaps: 1,
      calls: { outcomes: { lost: 1 } },
      lastCrash: { generation: 1, exitCode: 9 },
    });
    expect(plugin.status()).not.toHaveProperty('reason');
  });

  test('R-HOST-20 of the host is that of each plugin', async () => {
    await using stage = await loadAll({ ONE: { fixture: 'good.ts' }, TWO: { fixture: 'exits-early.sh' } });
    await stage.host.plugin('ONE').ready();
    await stage.host
      .plugin('TWO')
      .ready()
      .catch(() => undefined);
    const all = stage.host.status();
    expect(Object.keys(all)).toEqual(['ONE', 'TWO']);
    expect(all).toMatchObject({ ONE: { state: 'ready' }, TWO: { state: 'failed', lastCrash: { exitCode: 3 } } });
    await stage.close();
    expect(stage.host.status()).toMatchObject({ ONE: { state: 'closed' }, TWO: { state: 'closed' } });
  });

  test('a call that waits in vain is lost', async () => {
    await using stage = await load('silent.sh');
    await stage.plugin.client.test.echo({}, { timeoutMs: 20 }).catch(() => undefined);
    expect(stage.plugin.status().calls).toMatchObject({ operations: 1, outcomes: { lost: 1 }, inFlight: 0 });
  });
});

describe('events', () => {
  test('R-HOST-21 carry the generation', async () => {
    await using stage = await load('good.ts', { restart: quick });
    const { plugin } = stage;
    const events: unknown[] = [];
    plugin.on('state', ({ name, generation }) => events.push(['state', name, generation]));
    plugin.on('crash', ({ generation, signal }) => events.push(['crash', generation, signal]));
    plugin.on('swap', ({ step, generation }) => events.push(['swap', step, generation]));
    process.kill((await plugin.ready()).pid, 'SIGKILL');
    await once(plugin, 'crash');
    await plugin.ready();
    await plugin.replace({});
    await stage.close();
    expect(events).toEqual([
      ['state', 'ready', 1],
      ['crash', 1, 'SIGKILL'],
      ['state', 'backoff', 1],
      ['state', 'starting', 2],
      ['state', 'ready', 2],
      ['swap', 'begun', 3],
      ['state', 'ready', 3],
      ['swap', 'switched', 3],
      ['swap', 'done', 3],
      ['state', 'draining', 3],
      ['state', 'closed', 3],
    ]);
  });

  test('may close the plugin they tell of', async () => {
    await using stage = await load('good.ts', { restart: quick });
    const { plugin } = stage;
    plugin.on('crash', () => void plugin.close());
    process.kill((await plugin.ready()).pid, 'SIGKILL');
    await logged(stage.log, 'plugin closed');
    expect(plugin.state.name).toBe('closed');
  });
});

describe('diagnostics channels', () => {
  test('R-HOST-21 carry what the events do, and every call, but neither requests nor answers', async () => {
    using channels = listen();
    await using stage = await load('good.ts', { restart: quick });
    const { plugin } = stage;
    const { pid } = await plugin.ready();
    await plugin.client.test.echo({ text: 'a secret' });
    await plugin.client.test.refuse({ status: status.NOT_FOUND, text: 'no' }).catch(() => undefined);
    process.kill(pid, 'SIGKILL');
    await once(plugin, 'crash');
    await plugin.ready();
    await plugin.replace({});
    expect(channels.of('call')).toEqual([
      {
        channel: 'plugin-host:call',
        plugin: 'TEST',
        generation: 1,
        method: '/test.v1.TestService/Echo',
        outcome: 'ok',
        ms: expect.any(Number) as number,
      },
      expect.objectContaining({
        generation: 1,
        method: '/test.v1.TestService/Refuse',
        outcome: 'refused',
        error: expect.objectContaining({ status: 'NOT_FOUND' }) as object,
      }),
    ]);
    expect(channels.of('state').map(({ name, generation }) => `${name as string} ${generation as number}`)).toEqual([
      'ready 1',
      'backoff 1',
      'starting 2',
      'ready 2',
      'ready 3',
    ]);
    expect(channels.of('crash')).toMatchObject([{ plugin: 'TEST', generation: 1, signal: 'SIGKILL' }]);
    expect(channels.of('swap').map(({ step }) => step)).toEqual(['begun', 'switched', 'done']);
    expect(JSON.stringify(channels.messages)).not.toContain('a secret');
  });

  test('R-HOST-21 tell of fail-over and health, and who took a call', async () => {
    using channels = listen();
    await using stage = await loadAll({
      FIRST: { fixture: 'good.ts', backup: 'SPARE', restart: { minBackoffMs: 60_000, maxBackoffMs: 60_000 } },
      SPARE: { fixture: 'sick.ts', args: ['2'], health: { intervalMs: 50, failures: 1000 } },
    });
    const [plugin, spare] = [stage.host.plugin('FIRST'), stage.host.plugin('SPARE')];
    await spare.ready();
    process.kill((await plugin.ready()).pid, 'SIGKILL');
    await once(plugin, 'failover');
    await plugin.client.test.echo({});
    await plugin.restart();
    await plugin.client.test.echo({});
    if (channels.of('health').length === 0) await once(spare, 'health');
    expect(channels.of('call').map((call) => call.plugin)).toEqual(['SPARE', 'FIRST']);
    expect(channels.of('failover')).toMatchObject([{ plugin: 'FIRST', generation: 1, backup: 'SPARE' }]);
    expect(channels.of('failback')).toMatchObject([{ plugin: 'FIRST', generation: 2, backup: 'SPARE' }]);
    expect(channels.of('health')[0]).toMatchObject({ plugin: 'SPARE', generation: 1, healthy: false, failures: 1 });
  });
});
