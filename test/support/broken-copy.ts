import { chmod, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const BROKEN_COPY = resolve('test/fixtures/broken-copies/broken-copy.ts');

/** Makes an executable in the folder that is the plugin with this defect (test/fixtures/broken-copies). */
export async function installBrokenCopy(folder: string, defect: string): Promise<string> {
  const file = join(folder, 'broken-copy');
  const text = `#!${process.execPath}\nprocess.argv[2] = ${JSON.stringify(defect)};\nimport(${JSON.stringify(BROKEN_COPY)});\n`;
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}
