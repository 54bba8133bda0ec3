import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** File contents by path, relative to the repository. */
export type FileTree = Map<string, Buffer>;

/** The file, or the files below the folder, at `path`; nothing when there is none. `at` is what paths are relative to. */
export async function readTree(path: string, at = '.'): Promise<FileTree> {
  const info = await stat(join(at, path)).catch(() => undefined);
  if (info === undefined) return new Map();
  if (info.isFile()) return new Map([[path, await readFile(join(at, path))]]);
  const entries = await readdir(join(at, path), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.sort().map(async (file) => [file, await readFile(file)] as const));
  return new Map(contents.map(([file, content]) => [file.slice(at === '.' ? 0 : at.length + 1), content]));
}

/** Paths that are new, changed or too many in `present`, sorted. */
export function differences(wanted: FileTree, present: FileTree): string[] {
  return [...new Set([...wanted.keys(), ...present.keys()])]
    .filter((path) => !(wanted.get(path) ?? NO_FILE).equals(present.get(path) ?? NO_FILE))
    .sort();
}

/** Makes the named files what `wanted` says; those it does not hold go away. Files that are right stay untouched. */
export async function writeTree(wanted: FileTree, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const content = wanted.get(path);
    if (content === undefined) {
      await rm(path);
    } else {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }
}

/** Equal to no file's content. */
const NO_FILE = Buffer.from('\0');
