import { readdir, readFile } from 'node:fs/promises';

/** A process below another. */
export interface Kin {
  readonly pid: number;
  readonly startTime: string;
  readonly command: string;
}

/** The start time, in clock ticks, tells it from another with the same number. */
export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly startTime: string;
}

/** All that live; a zombie does not. */
export async function processes(): Promise<RunningProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
      const [state = 'X', parent, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return /[ZX]|^$/.test(state) ? [] : [{ pid: Number(pid), parent: Number(parent), startTime: fields[17] ?? '' }];
    }),
  );
  return found.flat();
}

/** Its children, their children and so on. */
export async function descendants(ancestor: number): Promise<Kin[]> {
  const all = await processes();
  const below = (parent: number): RunningProcess[] =>
    all.filter((one) => one.parent === parent).flatMap((one) => [one, ...below(one.pid)]);
  return Promise.all(
    below(ancestor).map(async ({ pid, startTime }) => {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid, startTime, command: command.replaceAll('\0', ' ').trim() };
    }),
  );
}
