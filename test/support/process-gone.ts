import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/**
 * Resolves when the process has ended, even if nobody has asked for its status yet. Polls, since nobody tells when a
 * process that is not our child ends; the test's own time limit bounds it.
 */
export async function processGone(pid: number): Promise<void> {
  while (!(await hasEnded(pid))) await setTimeout(20);
}

async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined || stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}
