import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Kin } from '../../support/process-tree.ts';
import { rounds } from '../../support/scale.ts';
import { until } from '../../support/until.ts';
import { type DoomedHost, leftAfterEnd, startDoomedHost, WITHOUT_SHELL } from './orphan-stage.ts';

const onLinux = process.platform === 'linux' ? describe : describe.skip;
const mayHideShell = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
if (!mayHideShell) process.stderr.write('skipped, no right to mount: a host without a shell\n');

/** Deaf to the loss of their parent, with grandchildren in the group and out of it, and still starting. */
const CLINGING = ['good.ts', 'clinging.ts', 'silent.sh'];
const LONGEST_MS = 600_000;

const isReaper = ({ command }: Kin): boolean => command.includes('PLUGIN_UNIX_SOCKET_DIR=');
const commands = (family: readonly Kin[]): string[] => family.map(({ command }) => command);

async function ready(host: DoomedHost, plugins: number): Promise<void> {
  for (let count = 0; count < plugins; count += 1) {
    expect(await host.nextReady()).toMatchObject({ orphanProtection: true });
  }
}

async function reaperOf(host: DoomedHost): Promise<Kin | undefined> {
  return (await host.lookAtFamily()).find(isReaper);
}

onLinux('R-HOST-42 a host that is killed leaves no process, socket or directory within 2 s', () => {
  test(
    'while it serves, whatever the plugins cling to',
    async () => {
      for (let round = 0; round < rounds(50); round += 1) {
        await using host = await startDoomedHost(CLINGING);
        await ready(host, 2);
        // Two grandchildren and one reaper for all.
        expect(commands(await host.lookAtFamily())).toHaveLength(CLINGING.length + 3);
        process.kill(host.pid, 'SIGKILL');
        expect(await leftAfterEnd(host)).toEqual([]);
      }
    },
    LONGEST_MS,
  );

  test(
    'at any moment of a start',
    async () => {
      for (let round = 0; round < rounds(20); round += 1) {
        await using host = await startDoomedHost(CLINGING);
        // A plugin of the fixtures is ready after 500 ms or so; most of the moments are before its first line.
        await sleep(Math.random() ** 2 * 600);
        await host.lookAtFamily();
        process.kill(host.pid, 'SIGKILL');
        expect(await leftAfterEnd(host)).toEqual([]);
      }
    },
    LONGEST_MS,
  );

  (mayHideShell ? test : test.skip)(
    'where there is no shell',
    async () => {
      for (let round = 0; round < rounds(10); round += 1) {
        await using host = await startDoomedHost(CLINGING.slice(0, 2), WITHOUT_SHELL);
        await ready(host, 2);
        expect((await reaperOf(host))?.command).toMatch(/^\/proc\/self\/exe /);
        process.kill(host.pid, 'SIGKILL');
        expect(await leftAfterEnd(host)).toEqual([]);
      }
    },
    LONGEST_MS,
  );

  test.each(['SIGTERM', 'SIGHUP', 'SIGABRT'] as const)('by %s that it does not handle', async (signal) => {
    await using host = await startDoomedHost(['clinging.ts']);
    await ready(host, 1);
    await host.lookAtFamily();
    process.kill(host.pid, signal);
    expect(await leftAfterEnd(host)).toEqual([]);
    expect(await host.ended).toEqual({ code: null, signal });
  });

  test('with its whole process group, as a terminal or a service manager does it', async () => {
    await using host = await startDoomedHost(['clinging.ts']);
    await ready(host, 1);
    await host.lookAtFamily();
    process.kill(-host.pid, 'SIGKILL');
    expect(await leftAfterEnd(host)).toEqual([]);
  });

  test('and touches nothing of another host', async () => {
    await using doomed = await startDoomedHost(['good.ts']);
    await using other = await startDoomedHost(['good.ts']);
    await ready(doomed, 1);
    await ready(other, 1);
    const family = await other.lookAtFamily();
    await doomed.lookAtFamily();
    process.kill(doomed.pid, 'SIGKILL');
    expect(await leftAfterEnd(doomed)).toEqual([]);
    expect(await other.lookAtFamily()).toEqual(family);
    await other.close();
    expect(await leftAfterEnd(other)).toEqual([]);
  });

  test('after its reaper was told to end and did not, was killed, and was followed by another', async () => {
    await using host = await startDoomedHost(['clinging.ts']);
    await ready(host, 1);
    const first = await reaperOf(host);
    await sleep(1000);
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(first!.pid, signal);
    expect(await reaperOf(host)).toEqual(first);
    process.kill(first!.pid, 'SIGKILL');
    await until('another reaper', async () => ![undefined, first!.pid].includes((await reaperOf(host))?.pid));
    // It can be seen a moment before the host, which is in the middle of starting it, has told it anything.
    await host.close('nobody');
    process.kill(host.pid, 'SIGKILL');
    expect(await leftAfterEnd(host)).toEqual([]);
  });
});

onLinux('R-HOST-60 the reaper ends with what it guards', () => {
  test('with the last plugin of the process, and holds up neither it nor its end', async () => {
    await using host = await startDoomedHost(['good.ts', 'clinging.ts']);
    await ready(host, 2);
    const first = await reaperOf(host);
    await host.close('good');
    expect(await reaperOf(host)).toEqual(first);
    await host.close('clinging');
    // Outside the group: a plugin that is closed in order may leave it behind.
    const family = commands(await host.lookAtFamily()).filter((command) => command !== '/bin/sleep 600');
    expect(family).toEqual([]);
    await host.close();
    expect(await host.ended).toEqual({ code: 0, signal: null });
  });
});
