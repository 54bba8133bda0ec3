import { readdir, readlink } from 'node:fs/promises';

import { descendants } from './process-tree.ts';

/** All that a library can leave behind in the process that uses it, counted. Linux only. */
export async function belongings(): Promise<Record<string, number>> {
  const found = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => 'closed'));
  const descriptors = (await Promise.all(found)).filter((target) => target !== 'closed');
  const listeners = process.eventNames().map((name) => process.listenerCount(name));
  return {
    descriptors: descriptors.length,
    sockets: descriptors.filter((target) => target.startsWith('socket:')).length,
    processes: (await descendants(process.pid)).length,
    listeners: listeners.reduce((sum, count) => sum + count, 0),
    handles: process.getActiveResourcesInfo().filter((name) => !/Timeout|Immediate|FSReq/.test(name)).length,
  };
}
