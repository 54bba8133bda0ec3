import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Executable, openExecutable, openPluginDirectory } from '../../../../plugin-host/launch/executable.ts';

const { signal } = new AbortController();
const BYTES = Buffer.from('\x7fELF and so on');
const sha256 = createHash('sha256').update(BYTES).digest('hex');
const asRoot = process.getuid?.() === 0 ? test : test.skip;

describe('an executable', () => {
  let base: string;
  let directory: string;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'executable-'));
    directory = join(base, 'plugins');
    await mkdir(join(directory, 'sub'), { recursive: true });
    for (const file of [join(directory, 'plugin'), join(directory, 'sub', 'plugin'), join(base, 'outside')]) {
      await writeFile(file, BYTES);
      await chmod(file, 0o755);
    }
    await chmod(directory, 0o755);
    await chmod(join(directory, 'sub'), 0o755);
  });

  afterEach(async () => {
    await rm(base, { recursive: true });
  });

  const open = (file = 'plugin', sum = sha256): Promise<Executable> =>
    openExecutable({ directory, file, sha256: sum, signal });

  test.each([
    ['by name', 'plugin'],
    ['in a folder', 'sub/plugin'],
    ['by a path that comes back', '../plugins/plugin'],
  ])('is found %s', async (_name, file) => {
    await using executable = await open(file);
    expect(executable.path.startsWith(`${directory}/`)).toBe(true);
    expect(executable.hashedBytesRun).toBe(process.platform === 'linux');
    if (executable.hashedBytesRun) expect(executable.startPath).toMatch(/^\/proc\/self\/fd\/\d+$/);
    else expect(executable.startPath).toBe(executable.path);
  });

  test('is found by its absolute path and through a symlink that stays inside', async () => {
    await symlink(join(directory, 'sub', 'plugin'), join(directory, 'link'));
    await using direct = await open(join(directory, 'plugin'));
    await using linked = await open('link');
    expect(direct.path).toBe(join(directory, 'plugin'));
    expect(linked.path).toBe(join(directory, 'sub', 'plugin'));
  });

  test('is found in a directory that is itself a symlink', async () => {
    await symlink(directory, join(base, 'current'));
    await using executable = await openExecutable({ directory: join(base, 'current'), file: 'plugin', sha256, signal });
    expect(executable.path).toBe(join(directory, 'plugin'));
  });

  test('H31 has the wanted sum in either case', async () => {
    await using executable = await open('plugin', sha256.toUpperCase());
    expect(executable.path).toBe(join(directory, 'plugin'));
    await expect(open('plugin', '0'.repeat(64))).rejects.toMatchObject({ code: 'ERR_CHECKSUM' });
  });

  test('that is a script does not run from what was hashed', async () => {
    const text = '#!/bin/sh\nexit 0\n';
    await writeFile(join(directory, 'plugin'), text);
    await using executable = await open('plugin', createHash('sha256').update(text).digest('hex'));
    expect(executable).toMatchObject({ hashedBytesRun: false, startPath: join(directory, 'plugin') });
  });

  test.each([
    ['a way up', '../outside'],
    ['an absolute path', '/bin/sh'],
    ['the directory itself', '.'],
  ])('outside by %s is refused', async (_name, file) => {
    await expect(open(file)).rejects.toMatchObject({ code: 'ERR_EXECUTABLE_OUTSIDE' });
  });

  test('R-HOST-01 outside by a symlink is refused', async () => {
    await symlink(join(base, 'outside'), join(directory, 'link'));
    await expect(open('link')).rejects.toMatchObject({ code: 'ERR_EXECUTABLE_OUTSIDE' });
  });

  test('outside in a directory whose name begins alike is refused', async () => {
    await mkdir(join(base, 'plugins-other'));
    await writeFile(join(base, 'plugins-other', 'plugin'), BYTES, { mode: 0o755 });
    await expect(open('../plugins-other/plugin')).rejects.toMatchObject({ code: 'ERR_EXECUTABLE_OUTSIDE' });
  });

  test.each([
    ['absent', 'absent', 'ERR_EXECUTABLE_NOT_FOUND', /ENOENT/],
    ['a folder', 'sub', 'ERR_EXECUTABLE_UNSAFE', /not a regular file/],
  ])('%s is refused', async (_name, file, code, message) => {
    const error: unknown = await open(file).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test('that is a FIFO is refused without waiting for a writer', async () => {
    execFileSync('mkfifo', ['-m', '755', join(directory, 'fifo')]);
    await expect(open('fifo')).rejects.toMatchObject({ code: 'ERR_EXECUTABLE_UNSAFE' });
  });

  test.each([
    [0o644, /is not executable/],
    [0o775, /can be written/],
    [0o757, /can be written/],
  ])('R-HOST-01 of mode %o is refused', async (mode, message) => {
    await chmod(join(directory, 'plugin'), mode);
    const error: unknown = await open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_EXECUTABLE_UNSAFE', message: expect.stringMatching(message) as string });
  });

  asRoot('of another user is refused', async () => {
    await chown(join(directory, 'plugin'), 65_532, 65_532);
    await expect(open()).rejects.toMatchObject({ code: 'ERR_EXECUTABLE_UNSAFE' });
  });

  test.each([
    ['', 'plugin', 0o775],
    ['', 'plugin', 0o757],
    ['sub', 'sub/plugin', 0o777],
  ])('R-HOST-01 in a directory (%p) that others can write to is refused', async (folder, file, mode) => {
    await chmod(join(directory, folder), mode);
    await expect(open(file)).rejects.toMatchObject({ code: 'ERR_PLUGIN_DIRECTORY' });
  });

  asRoot('in a directory of another user is refused', async () => {
    await chown(directory, 65_532, 65_532);
    await expect(open()).rejects.toMatchObject({ code: 'ERR_PLUGIN_DIRECTORY' });
  });

  test('is not read on once the signal aborts', async () => {
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    await expect(openExecutable({ directory, file: 'plugin', sha256, signal: aborted })).rejects.toBe(reason);
  });
});

describe('a plugins directory', () => {
  test.each([
    ['/nowhere/at/all', /ENOENT/],
    [process.execPath, /is not a directory/],
  ])('%s is refused', async (path, message) => {
    const error: unknown = await openPluginDirectory(path).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_PLUGIN_DIRECTORY', message: expect.stringMatching(message) as string });
  });
});
