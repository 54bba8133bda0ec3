import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { capture, isThere } from '../run.ts';
import { tryOut } from './try-out.ts';

/** Flags of the Node inside the executable; no environment can add to them. */
const EXEC_ARGV = [
  '--max-semi-space-size=8',
  '--max-old-space-size=256',
  // Which functions a background thread is compiling at the moment would find its way into the code cache.
  '--no-concurrent-sparkplug',
  '--disable-proto=delete',
  '--disable-sigusr1',
  '--permission',
  // For the self-test alone, which is a host; the launcher takes it from everything else.
  '--allow-child-process',
  '--disable-warning=PERM0002',
  '--allow-fs-read=*',
  '--allow-fs-write=*',
  '--allow-net',
  '--disable-warning=ExperimentalWarning',
];

/** Without it the hash tables, and so the code cache, differ from run to run. */
const REPRODUCIBLE = '--random-seed=7';

/**
 * Makes the executable: a copy of this Node with the bundle inside.
 *
 * @param code - the bundle
 * @param folder - scratch folder; the result is the file `executable` in it
 * @param report - receives a line when something is left out
 */
export async function makeExecutable(code: string, folder: string, report: (text: string) => void): Promise<string> {
  const at = (name: string): string => join(resolve(folder), name);
  const executable = at('executable');
  await writeFile(at('wrapped.js'), `(function (exports, require, module) {${code}\n})`);
  const node = await makeNode(folder, report);
  await makeCodeCache({ node, bundle: at('wrapped.js'), cache: at('code-cache'), folder: at('run') });

  await makeSingleExecutable({
    main: resolve('scripts/build/launcher.cjs'),
    node,
    output: executable,
    assets: { bundle: at('wrapped.js'), 'code-cache': at('code-cache') },
    execArgv: EXEC_ARGV,
  });
  return executable;
}

/** A copy of this Node in the folder, without symbols. */
export async function makeNode(folder: string, report: (text: string) => void): Promise<string> {
  const node = join(resolve(folder), 'node');
  await copyFile(process.execPath, node);
  await strip(node, report);
  return node;
}

/**
 * Node and a program of one CommonJS file in one executable. `execArgv` are Node's flags; no environment can add to them.
 * The path of `main` is written into it as it is given, relative to the folder `at`.
 */
export async function makeSingleExecutable({
  at = '.',
  node,
  output,
  ...parts
}: {
  readonly at?: string;
  readonly main: string;
  readonly node: string;
  readonly output: string;
  readonly assets?: Readonly<Record<string, string>>;
  readonly execArgv: readonly string[];
}): Promise<void> {
  const configuration = {
    ...parts,
    executable: node,
    output,
    execArgvExtension: 'none',
    disableExperimentalSEAWarning: true,
  };
  const file = `${output}.json`;
  await writeFile(file, JSON.stringify(configuration));
  await capture(process.execPath, ['--build-sea', file], { cwd: at });
  // macOS runs no program whose signature does not fit its bytes.
  if (process.platform === 'darwin') await capture('codesign', ['--sign', '-', '--force', output]);
}

/** The code that V8 compiles while a plugin starts and is set up; the same for the same bundle. */
async function makeCodeCache(paths: { node: string; bundle: string; cache: string; folder: string }): Promise<void> {
  const { node, bundle, cache, folder } = paths;
  const program = (name: string): [string, ...string[]] => {
    return [node, REPRODUCIBLE, ...EXEC_ARGV, resolve('scripts/build', name), bundle, cache];
  };
  await mkdir(folder);
  await tryOut(program('take-code-cache.cjs'), { folder, signal: 'SIGUSR2' });
  const [file, ...args] = program('normalise-code-cache.cjs');
  await capture(file, args);
}

/** Before everything else: a finished executable that is stripped crashes. */
async function strip(node: string, report: (text: string) => void): Promise<void> {
  if (process.platform !== 'linux') return;
  if (await isThere('strip', '--version')) await capture('strip', [node]);
  else report('strip is not installed: the executable keeps the symbols of Node and is a third larger');
}
