import { readdir, readlink } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';

import { descendants } from './process-tree.ts';
import { until } from './until.ts';

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

/**
 * Resolves when this process has what it had before. What is closed goes when the event loop comes to it, so the last look
 * counts; it fails with the difference.
 */
export async function belongingsAsBefore(before: Readonly<Record<string, number>>): Promise<void> {
  const as = async (): Promise<boolean> => isDeepStrictEqual(await belongings(), before);
  await until('what was closed is gone', as).catch(() => undefined);
  expect(await belongings()).toEqual(before);
}
