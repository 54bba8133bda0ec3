import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { descendants, type Kin, processes } from '../../support/process-tree.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { processesWith } from './host-fixture.ts';

/** What a plugin says of itself, or why it did not start. */
export interface PluginReport {
  readonly name: string;
  readonly pid: number;
  readonly orphanProtection: boolean;
}

/** A host process that is going to be killed, and everything it could leave behind. */
export interface DoomedHost extends AsyncDisposable {
  readonly pid: number;
  /** The next plugin that is ready. */
  nextReady(): Promise<PluginReport>;
  /** Closes the plugin, or all of them, and then the process ends by itself. */
  close(plugin?: string): Promise<void>;
  /** Takes down what runs below the host now, so that `leftovers` knows it. Answers the command lines, without the host. */
  lookAtFamily(): Promise<readonly Kin[]>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Of all that was looked at, and of all that carries the mark: what still lives; then the entries of the socket directory. */
  leftovers(): Promise<string[]>;
}

/** Runs a program without a shell to be found: its /bin/sh is nothing that can be executed. */
export const WITHOUT_SHELL = [
  ...['unshare', '--mount', '/bin/sh', '-c'],
  'mount --bind /dev/null "$(readlink -f /bin/sh)" && exec "$0" "$@"',
] as const;

/** Starts the host program up to the moment before it loads its plugins. `before` is what starts it, if not it itself. */
export async function startDoomedHost(
  fixtures: readonly string[],
  before: readonly string[] = [],
): Promise<DoomedHost> {
  const folder = await temporaryFolder();
  const sockets = join(folder.path, 'sockets');
  for (const name of ['plugins', 'sockets']) await mkdir(join(folder.path, name));
  const mark = `MARK_${randomUUID().replaceAll('-', '_')}`;
  const program = join(import.meta.dirname, 'doomed-host.ts');
  const [file = '', ...args]: string[] = [...before, process.execPath, program, folder.path, ...fixtures];
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, [mark]: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
    // A group of its own, as in a terminal.
    detached: true,
  });
  const ended: DoomedHost['ended'] = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  if ((await next()) !== 'starting') throw new Error('the host program does not start');

  const family = new Map<string, Kin>();
  const pid = child.pid!;
  const livingKin = async (): Promise<Kin[]> => {
    const living = new Set((await processes()).map(({ pid, startTime }) => `${pid} ${startTime}`));
    return [...family].filter(([key]) => living.has(key)).map(([, kin]) => kin);
  };
  const host: DoomedHost = {
    pid,
    nextReady: async () => JSON.parse(await next()) as PluginReport,
    async close(plugin = '') {
      child.stdin.write(`${plugin}\n`);
      if ((await next()) !== `closed ${plugin}`) throw new Error('the host program does not close');
    },
    async lookAtFamily() {
      const kin = await descendants(pid);
      for (const one of kin) family.set(`${one.pid} ${one.startTime}`, one);
      return kin;
    },
    ended,
    async leftovers() {
      const known = (await livingKin()).map((kin) => `${kin.pid} ${kin.command}`);
      const marked = (await processesWith(mark)).filter((text) => text !== `process ${pid}`);
      return [...known, ...marked, ...(await readdir(sockets))];
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      // What failed to go, and what may stay behind.
      for (const kin of await livingKin()) process.kill(kin.pid, 'SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
  return host;
}

/** What is left 2 s after the host's end; resolves as soon as nothing is. */
export async function leftAfterEnd(host: DoomedHost): Promise<string[]> {
  await host.ended;
  const deadline = performance.now() + 2000;
  for (;;) {
    const left = await host.leftovers();
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(5);
  }
}
