import { once } from 'node:events';

import { status } from '@grpc/grpc-js';

import {
  PluginCallError,
  type PluginHostError,
  type ReplacementOptions,
  type SwapEvent,
} from '../../../plugin-host/index.ts';
import { rounds } from '../../support/scale.ts';
import { installPlugin } from '../../fixtures/plugins/install-plugin.ts';
import { startCallers } from '../../../scripts/callers.ts';
import { load, logged, type LoadOptions, type Stage, stateOf } from './host-fixture.ts';
import { startKeystoreStage } from './keystore-stage.ts';

const quick = { restart: { minBackoffMs: 20, maxBackoffMs: 50 } };

/** A stage that is ready, and how to replace its plugin by another fixture. */
async function readyStage(options: LoadOptions = {}): Promise<{
  stage: Stage;
  another: (fixture: string) => Promise<{ file: string; sha256: string }>;
  swaps: string[];
}> {
  const stage = await load('good.ts', { configuration: 'old: text', ...options });
  await stage.plugin.ready();
  const swaps: string[] = [];
  stage.plugin.on('swap', ({ step, generation, previous }) => swaps.push(`${step} ${generation} after ${previous}`));
  return { stage, another: (fixture) => installPlugin(stage.directory, fixture), swaps };
}

const configured = ({ log }: Stage): unknown[] =>
  log.filter(({ message }) => message === 'Configure').map(({ fields }) => fields);

describe('a swap without a failed call', () => {
  test('R-HOST-15 20 swaps of the executable in a row under 64 callers', async () => {
    await using stage = await startKeystoreStage();
    const { plugin } = stage;
    await stage.call();
    const callers = startCallers(64, () => stage.call());
    const pids = new Set<number>();
    const swaps = rounds(20);
    for (let swap = 1; swap <= swaps; swap += 1) {
      await callers.answers(64);
      const info = await plugin.replace({});
      expect(info.generation).toBe(swap + 1);
      pids.add(info.pid);
    }
    await callers.answers(64);
    await callers.stop();
    expect(callers.errors).toEqual([]);
    expect(pids.size).toBe(swaps);
    expect(plugin.status()).toMatchObject({ generation: swaps + 1, swaps, restarts: 0 });
    const ends = stage.log.filter(({ message }) => message === 'plugin process ended');
    expect(ends.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: swaps }, () => 0));
  });

  test('R-HOST-15 another executable behind the same handle, and back, under callers', async () => {
    const { stage, another, swaps } = await readyStage();
    await using _stage = stage;
    const [good, other] = [await another('good.ts'), await another('no-config.ts')];
    const callers = startCallers(64, () => stage.plugin.client.test.echo({ text: 'on' }));
    for (const changes of [other, good, other, good]) {
      await callers.answers(64);
      const info = await stage.plugin.replace(changes);
      expect(info.executable).toMatch(new RegExp(`/${changes.file}$`));
    }
    await callers.stop();
    expect(callers.errors).toEqual([]);
    expect(swaps.slice(0, 3)).toEqual(['begun 2 after 1', 'switched 2 after 1', 'done 2 after 1']);
    expect(swaps).toHaveLength(12);
  });

  test('R-HOST-15 a running call ends in the process that took it, new ones go to the new process', async () => {
    const { stage } = await readyStage();
    await using _stage = stage;
    const { pid } = await stage.plugin.ready();
    const late = stage.plugin.client.test.echo({ text: 'late', delayMs: 800 });
    const switched = once(stage.plugin, 'swap').then(() => once(stage.plugin, 'swap')) as Promise<[SwapEvent]>;
    const replaced = stage.plugin.replace({});
    expect((await switched)[0].step).toBe('switched');
    const { environment } = await stage.plugin.client.test.inspect({});
    expect(environment?.PLUGIN_UNIX_SOCKET_DIR).toContain(stage.sockets);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await expect(late).resolves.toEqual({ text: 'late' });
    await replaced;
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  test('R-HOST-15 a call that does not end in the time for draining is rejected, and the swap is done', async () => {
    const { stage } = await readyStage({ drainTimeoutMs: 100 });
    await using _stage = stage;
    const call = stage.plugin.client.test.hang({}, { timeoutMs: 60_000 });
    const rejected = expect(call).rejects.toMatchObject({ code: 'ERR_REPLACED', details: { plugin: 'TEST' } });
    await logged(stage.log, 'Hang');
    await stage.plugin.replace({});
    await rejected;
  });

  test('R-HOST-15 what is changed stays changed over restarts, the rest stays as it was', async () => {
    const { stage } = await readyStage({ ...quick, args: ['one'] });
    await using _stage = stage;
    await stage.plugin.replace({ configuration: 'new: text' });
    process.kill((await stage.plugin.ready()).pid, 'SIGKILL');
    await stateOf(stage.plugin, 'starting');
    const info = await stage.plugin.ready();
    expect(info.generation).toBe(3);
    expect(configured(stage)).toEqual([{ yaml: 'old: text' }, { yaml: 'new: text' }, { yaml: 'new: text' }]);
    expect((await stage.plugin.client.test.inspect({})).args).toEqual(['one']);
  });

  test('R-HOST-15 the probe has the clients of the new process, which nobody else has yet', async () => {
    const { stage } = await readyStage();
    await using _stage = stage;
    const { pid } = await stage.plugin.ready();
    let probed: unknown;
    const info = await stage.plugin.replace(
      { args: ['new'] },
      {
        probe: async (client, context) => {
          const [ours, theirs] = await Promise.all([client.test.inspect({}), stage.plugin.client.test.inspect({})]);
          probed = { ours: ours.args, theirs: theirs.args, info: context.info, aborted: context.signal.aborted };
          expect(stage.plugin.info?.pid).toBe(pid);
        },
      },
    );
    expect(probed).toEqual({ ours: ['new'], theirs: [], info, aborted: false });
  });

  test('R-HOST-17 replacements asked for together are made one after the other', async () => {
    const { stage, swaps } = await readyStage();
    await using _stage = stage;
    const infos = await Promise.all([stage.plugin.replace({}), stage.plugin.restart(), stage.plugin.replace({})]);
    expect(infos.map(({ generation }) => generation)).toEqual([2, 3, 4]);
    expect(swaps.filter((step) => step.startsWith('begun'))).toEqual([
      'begun 2 after 1',
      'begun 3 after 2',
      'begun 4 after 3',
    ]);
    expect(swaps.indexOf('begun 3 after 2')).toBeGreaterThan(swaps.indexOf('done 2 after 1'));
  });

  test('R-HOST-15 a plugin that has failed is brought back by a good one', async () => {
    await using stage = await load('exits-early.sh');
    await expect(stage.plugin.ready()).rejects.toMatchObject({ code: 'ERR_PLUGIN_EXITED' });
    await stage.plugin.replace(await installPlugin(stage.directory, 'good.ts'));
    await expect(stage.plugin.client.test.echo({ text: 'well' })).resolves.toEqual({ text: 'well' });
  });
});

describe('R-HOST-16 a swap that fails changes nothing', () => {
  const no = new Error('not as it should be');
  const refuse = (): never => {
    throw no;
  };
  interface Case {
    readonly step: string;
    readonly fixture?: string;
    readonly changes?: ReplacementOptions;
    readonly probe?: () => never;
    readonly because: object;
  }
  const cases: Readonly<Record<string, Case>> = {
    'another hash': { step: 'check', changes: { sha256: '0'.repeat(64) }, because: { code: 'ERR_CHECKSUM' } },
    'no file': { step: 'check', changes: { file: 'absent' }, because: { code: 'ERR_EXECUTABLE_NOT_FOUND' } },
    'a crash at its start': {
      step: 'start',
      fixture: 'exits-early.sh',
      because: { code: 'ERR_PLUGIN_EXITED', details: { exitCode: 3 } },
    },
    'no handshake line in time': {
      step: 'start',
      fixture: 'silent.sh',
      changes: { startTimeoutMs: 200 },
      because: { code: 'ERR_START_TIMEOUT' },
    },
    'a crash after the handshake': {
      step: 'connect',
      fixture: 'crash-after-handshake.ts',
      because: { code: 'ERR_PLUGIN_EXITED', details: { exitCode: 42 } },
    },
    'an exit in Init': {
      step: 'init',
      fixture: 'exits-in-init.ts',
      because: { code: 'ERR_PLUGIN_EXITED', details: { exitCode: 7 } },
    },
    'other services': { step: 'init', fixture: 'wrong-service-names.ts', because: { code: 'ERR_SERVICE_MISSING' } },
    'a refused configuration': {
      step: 'configure',
      fixture: 'configure-fails.ts',
      because: { code: 'ERR_CONFIGURE', cause: { status: 'INVALID_ARGUMENT' } },
    },
    'bad health': { step: 'probe', fixture: 'sick.ts', changes: { args: ['2'] }, because: { code: 'ERR_UNHEALTHY' } },
    'a probe that refuses': { step: 'probe', probe: refuse, because: { message: no.message } },
  };

  test.each(Object.keys(cases))('%s', async (name) => {
    const { step, fixture = 'good.ts', changes, probe, because } = cases[name]!;
    const { stage, another, swaps } = await readyStage(quick);
    await using _stage = stage;
    const before = await stage.plugin.ready();
    const installed = await another(fixture);
    const callers = startCallers(8, () => stage.plugin.client.test.echo({}));
    const error: unknown = await stage.plugin
      .replace({ ...installed, ...changes }, { ...(probe && { probe }) })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_REPLACE', details: { plugin: 'TEST', step }, cause: because });
    expect((error as Error).message).toMatch(`plugin TEST was not replaced, at step ${step}: `);

    expect(await stage.leftovers()).toHaveLength(2);
    expect(await stage.plugin.ready()).toBe(before);
    await callers.answers(8);
    await callers.stop();
    expect(callers.errors).toEqual([]);
    expect(swaps).toEqual(['begun 2 after 1', 'rolled-back 2 after 1']);
    expect(stage.plugin.status()).toMatchObject({ state: 'ready', generation: 1, swaps: 0, restarts: 0 });
    // And what comes later is made from what was there before.
    process.kill(before.pid, 'SIGKILL');
    await stateOf(stage.plugin, 'starting');
    expect((await stage.plugin.ready()).executable).toBe(before.executable);
    expect(configured(stage).at(-1)).toEqual({ yaml: 'old: text' });
  });

  test('a probe that hangs ends with its time', async () => {
    const { stage } = await readyStage({ probeTimeoutMs: 200 });
    await using _stage = stage;
    let signal: AbortSignal | undefined;
    const replaced = stage.plugin.replace(
      {},
      {
        probe: (_client, context) => {
          signal = context.signal;
          return new Promise(() => undefined);
        },
      },
    );
    await expect(replaced).rejects.toMatchObject({
      details: { step: 'probe' },
      cause: { code: 'ERR_PROBE', message: 'the probe did not end within 200 ms' },
    });
    expect(signal?.aborted).toBe(true);
    expect(await stage.leftovers()).toHaveLength(2);
  });

  test('a status of the plugin in the probe is the cause, unchanged', async () => {
    const { stage } = await readyStage();
    await using _stage = stage;
    const text = 'key not found';
    const replaced = stage.plugin.replace(
      {},
      {
        probe: (client) => client.test.refuse({ status: status.NOT_FOUND, text, reason: 'KEY_NOT_FOUND' }),
      },
    );
    const { cause } = (await replaced.catch((reason: unknown) => reason)) as Error;
    expect(cause).toBeInstanceOf(PluginCallError);
    expect(cause).toMatchObject({ status: 'NOT_FOUND', errorInfo: { reason: 'KEY_NOT_FOUND' } });
  });

  test('the signal gives it up', async () => {
    const { stage, another } = await readyStage();
    await using _stage = stage;
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const replaced = stage.plugin.replace(await another('silent.sh'), { signal: controller.signal });
    await once(stage.plugin, 'swap');
    while ((await stage.leftovers()).length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
    controller.abort(reason);
    await expect(replaced).rejects.toBe(reason);
    expect(await stage.leftovers()).toHaveLength(2);
    await expect(stage.plugin.replace({}, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('options that cannot be used are refused before anything is started', async () => {
    const { stage, swaps } = await readyStage();
    await using _stage = stage;
    await expect(stage.plugin.replace({ file: 'other' })).rejects.toMatchObject({
      code: 'ERR_OPTIONS',
      message: 'replacement: plugins.TEST.sha256 must come with file',
    });
    expect(swaps).toEqual([]);
  });
});

describe('R-HOST-17 a swap beside other things', () => {
  test('the old process is killed meanwhile: the new one takes over, and nothing else is started', async () => {
    const { stage, swaps } = await readyStage(quick);
    await using _stage = stage;
    const { pid } = await stage.plugin.ready();
    const call = Promise.withResolvers<unknown>();
    const info = await stage.plugin.replace(
      {},
      {
        probe: async () => {
          process.kill(pid, 'SIGKILL');
          await stateOf(stage.plugin, 'backoff');
          call.resolve(stage.plugin.client.test.echo({ text: 'meanwhile' }));
          await new Promise((resolve) => setTimeout(resolve, 200));
        },
      },
    );
    expect(info.generation).toBe(2);
    await expect(call.promise).resolves.toEqual({ text: 'meanwhile' });
    expect(swaps).toEqual(['begun 2 after 1', 'switched 2 after 1', 'done 2 after 1']);
    expect(await stage.leftovers()).toHaveLength(2);
  });

  test.each([
    ['while the new process starts', 'silent.sh', 0],
    ['while it is probed', 'good.ts', 1],
    ['while the old process drains', 'good.ts', 2],
  ])('close %s leaves nothing', async (_name, fixture, when) => {
    const { stage, another } = await readyStage({ shutdownTimeoutMs: 200 });
    await using _stage = stage;
    const installed = await another(fixture);
    if (when === 2) void stage.plugin.client.test.echo({ delayMs: 500 }).catch(() => undefined);
    const probing = Promise.withResolvers<undefined>();
    const replaced = stage.plugin
      .replace(installed, {
        probe: (_client, { signal }) => {
          probing.resolve(undefined);
          return when === 1 ? once(signal, 'abort') : undefined;
        },
      })
      .then(
        () => 'replaced',
        (error: unknown) => (error as PluginHostError).code,
      );
    if (when === 0) {
      while ((await stage.leftovers()).length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
    } else await probing.promise;
    if (when === 2) while (stage.plugin.state.generation < 2) await once(stage.plugin, 'state');
    await stage.close();
    expect(await replaced).toBe(when === 2 ? 'replaced' : 'ERR_CLOSED');
    expect(stage.plugin.state.name).toBe('closed');
    expect(await stage.leftovers()).toEqual([]);
    await expect(stage.plugin.replace({})).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
