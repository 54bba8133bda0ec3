import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

import { reaperCommand } from '../../../plugin-host/launch/reaper.ts';
import { processGone } from '../../support/process-gone.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const onLinux = process.platform === 'linux' ? describe : describe.skip;

/** A group of its own with one process in it, until it is disposed. */
function startSleeper(env: Record<string, string> = {}, file = '/bin/sleep'): ChildProcess & Disposable {
  const child = spawn(file, ['600'], { detached: true, stdio: 'ignore', env });
  return Object.assign(child, { [Symbol.dispose]: () => void child.kill('SIGKILL') });
}

const startTimeOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
};

const lives = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

onLinux.each([
  ['as a shell', true],
  ['as Node', false],
])('R-HOST-42 the reaper that waits %s', (_name, hasShell) => {
  /** What a host writes, and then its end. Resolves with the reaper's. */
  async function reap(...texts: string[]): Promise<unknown> {
    const program = openSync('/proc/self/exe', 'r');
    const [file, ...args] = reaperCommand(hasShell)!;
    const reaper = spawn(file, args, { env: {}, stdio: ['ignore', 'ignore', 'pipe', 'pipe', program] });
    closeSync(program);
    const said: Buffer[] = [];
    reaper.stderr!.on('data', (chunk: Buffer) => said.push(chunk));
    const ended = once(reaper, 'close');
    const pipe = reaper.stdio[3] as Writable;
    for (const text of texts) pipe.write(text);
    pipe.end();
    const [code] = (await ended) as [number];
    return { code, said: Buffer.concat(said).toString() };
  }

  const line = (groups: { pid?: number | undefined; startTime: string }[], directories: string[] = []): string =>
    `${JSON.stringify({ groups, directories })}\n`;
  const silent = { code: 0, said: '' };

  test('ends a group by its leader, and only if the number is still this leader’s', async () => {
    using ours = startSleeper();
    using foreign = startSleeper();
    const startTime = startTimeOf(ours.pid!);
    const groups = [
      { pid: ours.pid, startTime },
      { pid: foreign.pid, startTime: `${BigInt(startTime) - 1n}` },
    ];
    expect(await reap(line(groups))).toEqual(silent);
    await processGone(ours.pid!);
    expect(lives(foreign)).toBe(true);
  });

  test('ends a group whose leader is gone', async () => {
    const leader = spawn('/bin/sh', ['-c', 'sleep 600 & echo $!'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const startTime = startTimeOf(leader.pid!);
    const [pid] = (await once(leader.stdout, 'data')) as [Buffer];
    await once(leader, 'exit');
    expect(await reap(line([{ pid: leader.pid, startTime }]))).toEqual(silent);
    await processGone(Number(pid));
  });

  test('ends what has a directory in its environment, and nothing else', async () => {
    await using folder = await temporaryFolder();
    const directory = join(folder.path, 'plugin-host-abc');
    using marked = startSleeper({ FIRST: '1', PLUGIN_UNIX_SOCKET_DIR: directory, LAST: '1' });
    using similar = startSleeper({ PLUGIN_UNIX_SOCKET_DIR: `${directory}d` });
    using other = startSleeper({ OTHER_PLUGIN_UNIX_SOCKET_DIR: directory });
    expect(await reap(line([], [directory]))).toEqual(silent);
    await processGone(marked.pid!);
    expect([similar, other].map(lives)).toEqual([true, true]);
  });

  test('goes by the last whole line', async () => {
    using first = startSleeper();
    using second = startSleeper();
    const [old, last] = [first, second].map(({ pid }) => line([{ pid, startTime: startTimeOf(pid!) }])) as [
      string,
      string,
    ];
    // A host writes for years, and is cut off somewhere.
    const history = [...Array<string>(200).fill(old), '\n', last.slice(0, 10), `${last.slice(10)}${old.slice(0, -1)}`];
    expect(await reap(...history)).toEqual(silent);
    await processGone(second.pid!);
    expect(lives(first)).toBe(true);
  });

  test('does nothing after an empty line', async () => {
    using sleeper = startSleeper();
    const startTime = startTimeOf(sleeper.pid!);
    expect(await reap(line([{ pid: sleeper.pid, startTime }]), '\n')).toEqual(silent);
    expect(await reap('')).toEqual(silent);
    expect(lives(sleeper)).toBe(true);
  });

  test('removes directories of any name, follows no link out of them, and takes any name of a process', async () => {
    await using folder = await temporaryFolder();
    const outside = join(folder.path, 'outside');
    const directory = join(folder.path, `a 'b' "c" $(d)\\ \n é 密`);
    for (const path of [outside, directory]) await mkdir(path);
    await writeFile(join(outside, 'kept'), '');
    await symlink(outside, join(directory, 'link'));
    const program = join(folder.path, 'z) Z 1 (z');
    await copyFile('/bin/sleep', program);
    using sleeper = startSleeper({ PLUGIN_UNIX_SOCKET_DIR: directory }, program);
    await once(sleeper, 'spawn');
    // As the host writes it.
    const text = line([], [directory]).replaceAll(
      /[^ -~\n]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    expect(await reap(text)).toEqual(silent);
    await processGone(sleeper.pid!);
    expect(await readdir(folder.path)).toEqual(['outside', 'z) Z 1 (z']);
    expect(await readdir(outside)).toEqual(['kept']);
  });
});
