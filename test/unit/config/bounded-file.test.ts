import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readBoundedFile } from '../../../src/config/bounded-file.ts';

describe('readBoundedFile', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'bounded-file-'));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test.each([
    [0, 0],
    [9, 9],
    [10, 10],
    [11, 11],
    [5000, 11],
  ])('of %i bytes returns %i when 10 are allowed', async (size, returned) => {
    const path = join(directory, `file-${size}`);
    writeFileSync(path, 'x'.repeat(size));
    expect((await readBoundedFile(path, 10)).toString()).toBe('x'.repeat(returned));
  });

  test('refuses a directory, a device and a pipe that nobody writes to', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [directory, '/dev/zero', pipe]) {
      await expect(readBoundedFile(path, 10)).rejects.toThrow(/not a regular file|EISDIR/);
    }
  });

  test('a missing file keeps its system code', async () => {
    await expect(readBoundedFile(join(directory, 'none'), 10)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
