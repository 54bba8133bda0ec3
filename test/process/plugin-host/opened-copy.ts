import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Executable, openExecutable } from '../../../plugin-host/launch/executable.ts';
import { sha256 } from '../../support/built-plugin.ts';

/** A copy of a program as the file `plugin` of the folder, checked, held open and ready to be started. */
export async function openedCopy(directory: string, program: string): Promise<Executable> {
  await copyFile(program, join(directory, 'plugin'));
  const { signal } = new AbortController();
  return openExecutable({ directory, file: 'plugin', sha256: sha256(program), signal });
}
