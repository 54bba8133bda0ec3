import { access, readFile } from 'node:fs/promises';

/** Whether the stamp says what is wanted, and every file that was made then is there. */
export async function isUpToDate(stamp: string, wanted: string, files: readonly string[]): Promise<boolean> {
  try {
    await Promise.all(files.map((file) => access(file)));
    return (await readFile(stamp, 'utf8')) === wanted;
  } catch {
    return false;
  }
}
