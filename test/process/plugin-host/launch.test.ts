import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openExecutable } from '../../../plugin-host/launch/executable.ts';
import { startProcess } from '../../../plugin-host/launch/plugin-process.ts';

const linux = process.platform === 'linux' ? test : test.skip;
const { signal } = new AbortController();
const stderr = { write: () => undefined, end: () => undefined };

describe('launch', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'launch-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  linux('H31 an executable swapped between check and start is not what runs', async () => {
    const path = join(directory, 'plugin');
    await copyFile('/bin/true', path);
    await copyFile('/bin/false', join(directory, 'other'));
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    await using executable = await openExecutable({ directory, file: 'plugin', sha256, signal });
    await rename(join(directory, 'other'), path);
    await using child = await startProcess({ executable, args: [], environment: {}, stderr });
    child.stdout.resume();
    await expect(child.exited).resolves.toEqual({ exitCode: 0, signal: null });
  });
});
