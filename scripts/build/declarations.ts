import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** Where a declaration file names another of the same program. */
const RELATIVE = /((?:from|import\()\s*["'])(\.{1,2}\/[^"']+)\.ts(["'])/g;

/**
 * Copies the declarations of the entries and of everything that they lead to, with file names as a compiled module has them.
 *
 * @param entries - source files
 * @param folders - `from`, where the compiler has put the declarations of the sources, and `to`
 */
export async function copyDeclarations(
  entries: readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const waiting = entries.map((entry) => join(from, entry.replace(/\.ts$/, '.d.ts')));
  const seen = new Set(waiting);
  for (const file of waiting) {
    const text = await readFile(file, 'utf8');
    for (const [, , path = ''] of text.matchAll(RELATIVE)) {
      const next = join(dirname(file), `${path}.d.ts`);
      if (!seen.has(next)) waiting.push(next);
      seen.add(next);
    }
    const target = join(to, relative(from, file));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text.replaceAll(RELATIVE, '$1$2.js$3'));
  }
}
