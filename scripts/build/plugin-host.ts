import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { capture } from '../run.ts';
import { openScratchFolder } from '../scratch.ts';
import { readBuildInfo } from './build-info.ts';
import { makeNode, makeSingleExecutable } from './executable.ts';
import { hashInputs } from './inputs.ts';
import { copyDeclarations } from './declarations.ts';
import { isUpToDate } from './up-to-date.ts';

/** What the build makes of the host library. */
export const PLUGIN_HOST = {
  /** The command. Needs only the C and C++ libraries of the system. */
  executable: resolve('dist/plugin-host'),
  /** The library as a package of its own, ready for `npm pack`. Needs Node 24 and its dependencies. */
  package: resolve('dist/npm/plugin-host'),
} as const;

/** The entries of the package, and what each is made from. */
const ENTRIES = { index: 'plugin-host/index.ts', keystore: 'keystore-contract/index.ts' } as const;
const COMMAND = 'plugin-host/command/main.ts';
/** What the package has of the repository as it is; the page is its README. */
const PAGE = 'docs/plugin-host.md';
const DOCUMENTS = ['LICENSE', 'THIRD-PARTY-NOTICES.md'];
const BUILT_FROM = resolve('dist/.plugin-host-built-from');

const SHARED = {
  bundle: true,
  platform: 'node',
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/**
 * Builds both unless they are up to date. They appear under their names when they are complete.
 *
 * @returns whether anything had to be built
 */
export async function buildPluginHost(report: (text: string) => void): Promise<boolean> {
  const buildInfo = await readBuildInfo();
  const wanted = await hashInputs(buildInfo, [...DOCUMENTS, PAGE]);
  if (await isUpToDate(BUILT_FROM, wanted, Object.values(PLUGIN_HOST))) return false;

  const started = Date.now();
  await mkdir('dist/npm', { recursive: true });
  await using scratch = await openScratchFolder(resolve('dist/.build-'));
  report('Making the plugin host …');
  const define = { __VERSION__: JSON.stringify(buildInfo.version) };
  const executable = await makeCommand(scratch.path, define, report);
  const packed = await makePackage(join(scratch.path, 'package'), buildInfo.version, define);

  await rm(BUILT_FROM, { force: true });
  await rm(PLUGIN_HOST.package, { recursive: true, force: true });
  await rename(packed, PLUGIN_HOST.package);
  await rename(executable, PLUGIN_HOST.executable);
  await writeFile(BUILT_FROM, wanted);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  const { size } = await stat(PLUGIN_HOST.executable);
  report(`Built dist/plugin-host (${(size / 2 ** 20).toFixed(1)} MiB) and dist/npm/plugin-host in ${seconds} s.`);
  return true;
}

async function makeCommand(
  folder: string,
  define: Record<string, string>,
  report: (text: string) => void,
): Promise<string> {
  const main = 'plugin-host.cjs';
  await build({
    ...SHARED,
    entryPoints: [COMMAND],
    outfile: join(folder, main),
    format: 'cjs',
    target: 'node26',
    minify: true,
    supported: { 'dynamic-import': false },
    define,
  });
  const node = await makeNode(folder, report);
  const output = join(folder, 'plugin-host');
  await makeSingleExecutable({
    at: folder,
    main,
    node: resolve(node),
    output: resolve(output),
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  await capture(output, ['--version']);
  return output;
}

async function makePackage(folder: string, version: string, define: Record<string, string>): Promise<string> {
  const library = { ...SHARED, format: 'esm', target: 'node24', packages: 'external', outdir: folder } as const;
  const { metafile } = await build({
    ...library,
    entryPoints: { ...ENTRIES, 'plugin-host': COMMAND },
    splitting: true,
    metafile: true,
    define,
    chunkNames: 'shared-[hash]',
  });
  const outputs = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
  const external = new Set(outputs.filter((one) => one.external === true).map(({ path }) => packageOf(path)));
  const command = join(folder, 'plugin-host.js');
  await writeFile(command, `#!/usr/bin/env node\n${await readFile(command, 'utf8')}`);
  await chmod(command, 0o755);
  await capture(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'plugin-host', 'keystore-contract']);
  await copyDeclarations(Object.values(ENTRIES), { from: '.cache/types', to: join(folder, 'types') });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(await manifest(version, external), undefined, 2)}\n`);
  for (const file of DOCUMENTS) await writeFile(join(folder, file), await readFile(file));
  await writeFile(join(folder, 'README.md'), await readme());
  return folder;
}

/** The page without links to what the package does not have. */
async function readme(): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  return page.replaceAll(/\[([^\]]+)\]\((?!https?:|#)[^)]+\)/g, '`$1`');
}

async function manifest(version: string, external: ReadonlySet<string>): Promise<object> {
  const { license, dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
    readonly license: string;
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const entry = (name: keyof typeof ENTRIES) => ({
    types: `./types/${ENTRIES[name].replace(/\.ts$/, '.d.ts')}`,
    default: `./${name}.js`,
  });
  return {
    name: 'plugin-host',
    version,
    description: 'Runs OpenKCM keystore plugins, and other go-plugin executables, from Node',
    license,
    type: 'module',
    engines: { node: '>=24' },
    exports: { '.': entry('index'), './keystore': entry('keystore') },
    bin: { 'plugin-host': './plugin-host.js' },
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([name]) => external.has(name))),
  };
}

/** `@scope/name/path` and `name/path` without the path. Node's own modules are no dependency, and match nothing. */
function packageOf(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
}
