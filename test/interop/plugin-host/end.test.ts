import { status } from '@grpc/grpc-js';

import { belongings, belongingsAsBefore } from '../../support/belongings.ts';
import { logged } from '../../process/plugin-host/host-fixture.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { rounds } from '../../support/scale.ts';
import { startMemoryHost } from './memory-host.ts';

const BUILD_MS = 600_000;
const LONGEST_MS = 600_000;
const linux = process.platform === 'linux' ? test : test.skip;
const ended = { message: 'plugin process ended' };

describeWithGo('the end of a plugin in Go', () => {
  let programs: GoPrograms;
  beforeAll(() => {
    programs = buildGoPrograms();
  }, BUILD_MS);

  test('H24 L1 Shutdown, which ends the connection under its own answer, is followed by exit code 0', async () => {
    await using host = await startMemoryHost(programs);
    await host.plugin.ready();
    await host.close();
    expect(host.log).toContainEqual(expect.objectContaining({ ...ended, exitCode: 0, signal: null }));
    expect(host.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });

  test('H24 L6 one that takes Shutdown and stays is killed after 2 s', async () => {
    await using host = await startMemoryHost(programs, { flags: ['-stay'] });
    await host.plugin.ready();
    const before = performance.now();
    await host.close();
    expect(performance.now() - before).toBeGreaterThanOrEqual(1990);
    expect(host.log).toContainEqual(expect.objectContaining({ ...ended, exitCode: null, signal: 'SIGKILL' }));
    expect(await host.leftovers()).toEqual([]);
  });

  test.each([0, 9])(
    'L6 an exit with code %i inside a call rejects it, and all others, with the reason',
    async (code) => {
      await using host = await startMemoryHost(programs);
      await host.plugin.ready();
      const fallen = { code: 'ERR_PLUGIN_EXITED', details: { plugin: 'MEMORY', exitCode: code } };
      // The time of the calls is far beyond that of the test.
      const { owner } = host.plugin.client;
      const others = [1, 2, 3].map(() => owner.do({ do: 'hang' }, { timeoutMs: LONGEST_MS }));
      const rejected = Promise.all(others.map((call) => expect(call).rejects.toMatchObject(fallen)));
      await host.call();
      await expect(owner.do({ do: 'exit', code }, { timeoutMs: LONGEST_MS })).rejects.toMatchObject(fallen);
      await rejected;
      expect(host.plugin.status()).toMatchObject({ state: 'failed', lastCrash: { exitCode: code } });
    },
  );

  test('L6 R-HOST-08 a call that is never answered ends at its time, and the plugin with the host', async () => {
    await using host = await startMemoryHost(programs, { drainTimeoutMs: 100 });
    await host.plugin.ready();
    const { owner } = host.plugin.client;
    // The plugin keeps the time as well: now the one, now the other is first to end the call, and nobody must see which.
    for (let round = 0; round < 30; round += 1) {
      const calls = Array.from({ length: 10 }, () => owner.do({ do: 'hang' }, { timeoutMs: 20 }));
      const late = { name: 'PluginCallError', code: status.DEADLINE_EXCEEDED };
      await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(late)));
    }
    expect(host.plugin.status().calls.outcomes).toMatchObject({ late: 300, refused: 0 });
    const hanging = expect(owner.do({ do: 'hang' }, { timeoutMs: LONGEST_MS })).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    });
    await host.call();
    await host.close();
    await hanging;
    await logged(host.log, ended.message);
  });

  linux(
    'L8 rounds of load, call and close leave no process, socket or descriptor',
    async () => {
      const round = async (): Promise<void> => {
        await using host = await startMemoryHost(programs);
        await host.plugin.ready();
        await host.call();
      };
      await round();
      const before = await belongings();
      for (let count = 0; count < rounds(100); count += 1) await round();
      await belongingsAsBefore(before);
    },
    LONGEST_MS,
  );
});
