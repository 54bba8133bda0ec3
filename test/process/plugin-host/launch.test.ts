import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { FirstLine } from '../../../plugin-host/handshake-reader.ts';
import { startProcess } from '../../../plugin-host/launch/plugin-process.ts';
import { openedCopy } from './opened-copy.ts';

const linux = process.platform === 'linux' ? test : test.skip;
const { signal } = new AbortController();
const nowhere = { write: () => undefined, end: () => undefined };
const output = { stdout: nowhere, stderr: nowhere };

describe('launch', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'launch-'));
  });

  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  linux('H31 an executable swapped between check and start is not what runs', async () => {
    await using executable = await openedCopy(directory, '/bin/true');
    await copyFile('/bin/false', join(directory, 'other'));
    await rename(join(directory, 'other'), executable.path);
    await using child = await startProcess({ executable, args: [], environment: {}, ...output });
    await expect(child.exited).resolves.toEqual({ exitCode: 0, signal: null });
  });

  linux('H4 what a process wrote counts, even if it ended while its file was still being checked', async () => {
    await using executable = await openedCopy(directory, '/bin/echo');
    const stdout = new FirstLine();
    const slow = { ...executable, assertUnchanged: () => setTimeout(600) };
    const options = { executable: slow, args: ['-n', 'hello'], environment: {}, stdout, stderr: nowhere };
    await using child = await startProcess(options);
    await child.exited;
    await expect(stdout.read(signal)).resolves.toBe('hello');
  });
});
