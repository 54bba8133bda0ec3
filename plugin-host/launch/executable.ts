import { type BigIntStats, constants, type Stats } from 'node:fs';
import { access, type FileHandle, lstat, open, realpath, stat } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';

import { PluginHostError, systemErrorCode } from '../errors.ts';
import { sha256Of } from '../sha256.ts';

const WRITABLE_BY_OTHERS = 0o022;
const EXECUTABLE = 0o111;

/** An executable that passed every check, held open so that what was hashed can be started. */
export interface Executable extends AsyncDisposable {
  /** After symlinks. */
  readonly path: string;
  /** What to start: the open descriptor by its name in /proc, else the path. */
  readonly startPath: string;
  /**
   * Whether the bytes that were hashed are the bytes that run. Not without Linux's /proc, and not for a script, whose
   * interpreter opens the path again.
   */
  readonly hashedBytesRun: boolean;
  /**
   * Rejects with `ERR_CHECKSUM` when the file was written since it was hashed, or, where the path is started, when another
   * has taken its place. Who owns the file can write to it in place, and a copy over it is how not to install a new version.
   */
  assertUnchanged(): Promise<void>;
}

/**
 * Finds `file` in the plugins directory and checks it: confined after symlinks, a regular executable file that only root
 * and this user can change, in directories of which the same holds, with the wanted SHA-256.
 */
export async function openExecutable(options: {
  directory: string;
  file: string;
  sha256: string;
  signal: AbortSignal;
}): Promise<Executable> {
  const directory = await openPluginDirectory(options.directory);
  const path = await confinedPath(directory, options.file);
  await using resources = new AsyncDisposableStack();
  const handle = resources.use(await openFile(path));
  assertSafe(await handle.stat(), path, 'file');
  const before = await handle.stat({ bigint: true });
  if ((await sha256Of(handle, options.signal)) !== options.sha256.toLowerCase()) {
    throw new PluginHostError('ERR_CHECKSUM', `checksums did not match: ${path} is not the expected executable`, {
      path,
    });
  }
  const descriptor = `/proc/self/fd/${handle.fd}`;
  const hashedBytesRun = process.platform === 'linux' && !(await isScript(handle)) && (await exists(descriptor));
  const held = resources.move();
  return {
    path,
    startPath: hashedBytesRun ? descriptor : path,
    hashedBytesRun,
    async assertUnchanged() {
      const after = await (hashedBytesRun ? handle.stat({ bigint: true }) : stat(path, { bigint: true })).catch(
        () => null,
      );
      if (after !== null && isSame(before, after)) return;
      throw new PluginHostError('ERR_CHECKSUM', `${path} was changed while it was being started`, { path });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** The plugins directory after symlinks. Throws `ERR_PLUGIN_DIRECTORY` when there is none or others can write to it. */
export async function openPluginDirectory(directory: string): Promise<string> {
  try {
    const path = await realpath(directory);
    assertSafe(await lstat(path), path, 'directory');
    return path;
  } catch (error) {
    if (error instanceof PluginHostError) throw error;
    throw new PluginHostError('ERR_PLUGIN_DIRECTORY', `plugins directory ${directory}: ${systemErrorCode(error)}`, {
      path: directory,
    });
  }
}

async function confinedPath(directory: string, file: string): Promise<string> {
  const named = resolve(directory, file);
  const path = await realpath(named).catch((error: unknown) => {
    throw new PluginHostError('ERR_EXECUTABLE_NOT_FOUND', `${named}: ${systemErrorCode(error)}`, { path: named });
  });
  if (!path.startsWith(directory.endsWith(sep) ? directory : directory + sep)) {
    throw new PluginHostError('ERR_EXECUTABLE_OUTSIDE', `${named} leads out of the plugins directory`, { path: named });
  }
  // Whoever can write to a directory on the way can put another file there.
  for (let parent = dirname(path); relative(directory, parent) !== ''; parent = dirname(parent)) {
    assertSafe(await lstat(parent), parent, 'directory');
  }
  return path;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: opening a FIFO would wait for a writer.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new PluginHostError('ERR_EXECUTABLE_UNSAFE', `${path} cannot be read: ${systemErrorCode(error)}`, { path });
  }
}

function assertSafe(stats: Stats, path: string, kind: 'file' | 'directory'): void {
  const fail = (problem: string): never => {
    const code = kind === 'file' ? 'ERR_EXECUTABLE_UNSAFE' : 'ERR_PLUGIN_DIRECTORY';
    throw new PluginHostError(code, `${path} ${problem}`, { path });
  };
  if (kind === 'file' && !stats.isFile()) fail('is not a regular file');
  if (kind === 'directory' && !stats.isDirectory()) fail('is not a directory');
  if (kind === 'file' && (stats.mode & EXECUTABLE) === 0) fail('is not executable');
  if (stats.uid !== 0 && stats.uid !== process.getuid?.()) fail('belongs neither to root nor to this user');
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) fail('can be written by its group or by everyone');
}

async function isScript(handle: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return buffer.toString('latin1', 0, bytesRead) === '#!';
}

/** Not the time of the last change of the inode: it moves, too, when a newer file takes the name. */
function isSame(one: BigIntStats, other: BigIntStats): boolean {
  const facts = ['dev', 'ino', 'size', 'mtimeNs'] as const;
  return facts.every((fact) => one[fact] === other[fact]);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
