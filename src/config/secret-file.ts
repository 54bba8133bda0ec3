import { stat } from 'node:fs/promises';

const READABLE_BY_OTHERS = 0o004;

/** Whether everybody on the machine may read a file. Where the system keeps no such rights, nobody is said to. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  if (process.platform === 'win32') return false;
  try {
    return ((await stat(path)).mode & READABLE_BY_OTHERS) !== 0;
  } catch {
    // That it cannot be read is told by whoever reads it.
    return false;
  }
}
