import { once } from 'node:events';

import { status } from '@grpc/grpc-js';

import type { FailoverEvent, PluginHandle, PluginOptions } from '../../../plugin-host/index.ts';
import type { testContract } from '../../fixtures/plugins/test-contract.ts';
import { startCallers } from '../../../scripts/callers.ts';
import { type HostStage, loadAll, type LoadOptions, stateOf } from './host-fixture.ts';

type Handle = PluginHandle<typeof testContract>;

const slow: PluginOptions['restart'] = { minBackoffMs: 60_000, maxBackoffMs: 60_000 };
const quick: PluginOptions['restart'] = { minBackoffMs: 20, maxBackoffMs: 50 };

/** Two plugins that tell by their argument which one they are. */
function pair(
  first: LoadOptions = {},
  second: LoadOptions & { fixture?: string } = {},
): Promise<HostStage<'FIRST' | 'SPARE'>> {
  return loadAll({
    FIRST: { fixture: 'good.ts', args: ['first'], backup: 'SPARE', ...first },
    SPARE: { fixture: 'good.ts', args: ['spare'], ...second },
  });
}

async function whoAnswers(plugin: Handle): Promise<string | undefined> {
  return (await plugin.client.test.inspect({})).args?.[0];
}

async function kill(plugin: Handle): Promise<void> {
  const { pid } = await plugin.ready();
  const crashed = once(plugin, 'crash');
  process.kill(pid, 'SIGKILL');
  await crashed;
}

function follow(plugin: Handle): string[] {
  const events: string[] = [];
  const note =
    (name: string) =>
    ({ generation, backup, error }: FailoverEvent): void =>
      void events.push(`${name} ${generation} ${backup}${error ? `: ${error.message}` : ''}`);
  plugin.on('failover', note('failover')).on('failback', note('failback'));
  return events;
}

describe('a plugin with a backup', () => {
  test('R-HOST-19 in back-off: calls go to the backup, and come back when it is ready again', async () => {
    await using stage = await pair({ restart: slow });
    const [plugin, spare] = [stage.host.plugin('FIRST'), stage.host.plugin('SPARE')];
    const events = follow(plugin);
    await spare.ready();
    expect(await whoAnswers(plugin)).toBe('first');
    expect(plugin.status().failedOver).toBe(false);

    await kill(plugin);
    expect(plugin.state.name).toBe('backoff');
    expect(await whoAnswers(plugin)).toBe('spare');
    expect(plugin.status().failedOver).toBe(true);
    expect(events).toEqual(['failover 1 SPARE: plugin FIRST was ended by SIGKILL']);

    await plugin.restart();
    expect(await whoAnswers(plugin)).toBe('first');
    expect(plugin.status().failedOver).toBe(false);
    expect(events.slice(1)).toEqual(['failback 2 SPARE']);
    expect(spare.status().calls.operations).toBe(1);
    expect(plugin.status().calls.operations).toBe(2);
    expect(stage.log).toContainEqual(expect.objectContaining({ message: 'calls go to the backup', plugin: 'FIRST' }));
  });

  test('R-HOST-19 in failed, too, and while it is being started again', async () => {
    await using stage = await pair();
    const plugin = stage.host.plugin('FIRST');
    const events = follow(plugin);
    await stage.host.plugin('SPARE').ready();
    await kill(plugin);
    expect(plugin.state.name).toBe('failed');
    expect(await whoAnswers(plugin)).toBe('spare');
    const restarted = plugin.restart();
    await stateOf(plugin, 'starting');
    expect(await whoAnswers(plugin)).toBe('spare');
    await restarted;
    expect(await whoAnswers(plugin)).toBe('first');
    expect(events.map((event) => event.split(' ')[0])).toEqual(['failover', 'failback']);
  });

  test('R-HOST-19 under callers: a fall costs the calls in flight and no other', async () => {
    await using stage = await pair({ restart: { ...quick, maxRestarts: 100 } });
    const plugin = stage.host.plugin('FIRST');
    await stage.host.plugin('SPARE').ready();
    await plugin.ready();
    const callers = startCallers(32, () => plugin.client.test.echo({ text: 'on' }, { waitForReady: false }));
    for (let fall = 0; fall < 5; fall += 1) {
      await callers.answers(100);
      await kill(plugin);
      await callers.answers(100);
      await plugin.ready();
    }
    await callers.stop();
    for (const error of callers.errors) expect(error).toMatchObject({ code: 'ERR_PLUGIN_EXITED' });
    expect(new Set(callers.errors).size).toBeLessThanOrEqual(5);
  });

  test('a plugin that is starting for the first time is waited for', async () => {
    await using stage = await pair();
    await stage.host.plugin('SPARE').ready();
    expect(await whoAnswers(stage.host.plugin('FIRST'))).toBe('first');
  });

  test('a backup that is not ready is waited for when the plugin has failed', async () => {
    await using stage = await pair({}, { restart: slow });
    const [plugin, spare] = [stage.host.plugin('FIRST'), stage.host.plugin('SPARE')];
    const events = follow(plugin);
    await kill(spare);
    await kill(plugin);
    expect(plugin.state.name).toBe('failed');
    await expect(plugin.client.test.echo({}, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'ERR_NOT_READY',
      message: expect.stringContaining('it is failed') as string,
    });
    const call = whoAnswers(plugin);
    expect(events).toEqual([]);
    await spare.restart();
    expect(await call).toBe('spare');
    expect(events).toEqual(['failover 1 SPARE: plugin FIRST was ended by SIGKILL']);
  });

  test('when both have failed, calls are told why the plugin has', async () => {
    await using stage = await pair();
    const [plugin, spare] = [stage.host.plugin('FIRST'), stage.host.plugin('SPARE')];
    await kill(spare);
    await kill(plugin);
    await expect(plugin.client.test.echo({})).rejects.toMatchObject({
      code: 'ERR_PLUGIN_EXITED',
      message: 'plugin FIRST was ended by SIGKILL',
    });
  });

  test('the name of who refused is in the error', async () => {
    await using stage = await pair();
    const plugin = stage.host.plugin('FIRST');
    await stage.host.plugin('SPARE').ready();
    await kill(plugin);
    await expect(plugin.client.test.refuse({ status: status.NOT_FOUND, text: 'no' })).rejects.toMatchObject({
      name: 'PluginCallError',
      plugin: 'SPARE',
    });
  });

  test('a plugin that never came up is served by its backup', async () => {
    await using stage = await loadAll({
      FIRST: { fixture: 'exits-early.sh', backup: 'SPARE', restart: quick },
      SPARE: { fixture: 'good.ts', args: ['spare'] },
    });
    expect(await whoAnswers(stage.host.plugin('FIRST'))).toBe('spare');
    await stateOf(stage.host.plugin('FIRST'), 'failed');
    expect(await whoAnswers(stage.host.plugin('FIRST'))).toBe('spare');
  });

  test('a plugin that was closed is not served by its backup', async () => {
    await using stage = await pair();
    const plugin = stage.host.plugin('FIRST');
    await stage.host.plugin('SPARE').ready();
    await kill(plugin);
    await plugin.close();
    await expect(plugin.client.test.echo({})).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(plugin.status()).toMatchObject({ state: 'closed', failedOver: false });
  });
});
