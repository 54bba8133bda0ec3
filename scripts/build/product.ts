import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openScratchFolder } from '../scratch.ts';
import { readBuildInfo } from './build-info.ts';
import { bundlePlugin } from './bundle.ts';
import { makeExecutable } from './executable.ts';
import { hashInputs } from './inputs.ts';
import { tryOut } from './try-out.ts';
import { isUpToDate } from './up-to-date.ts';

/** What the build makes. */
export const PRODUCT = {
  /** Needs only the C and C++ libraries of the system. */
  executable: resolve('dist/keystoreop-openbao'),
  /** Needs Node 26. */
  bundle: resolve('dist/keystoreop-openbao.cjs'),
} as const;

const BUILT_FROM = resolve('dist/.built-from');

/**
 * Builds both files unless they are up to date. They appear under their names when they have proved to start, so a
 * build that fails, or runs beside another, leaves nothing half done.
 *
 * @returns whether anything had to be built
 */
export async function buildProduct(report: (text: string) => void): Promise<boolean> {
  const buildInfo = await readBuildInfo();
  const wanted = await hashInputs(buildInfo);
  if (await isUpToDate(BUILT_FROM, wanted, Object.values(PRODUCT))) return false;

  const started = Date.now();
  await mkdir('dist', { recursive: true });
  await using scratch = await openScratchFolder(resolve('dist/.build-'));
  report('Bundling …');
  const { code } = await bundlePlugin(buildInfo);
  const bundle = join(scratch.path, 'bundle.cjs');
  await writeFile(bundle, `#!/usr/bin/env node\n${code}`);
  await chmod(bundle, 0o755);

  report('Making the executable …');
  const executable = await makeExecutable(code, scratch.path, report);

  report('Trying out both …');
  await assertStarts([process.execPath, bundle], scratch.path);
  await assertStarts([executable], scratch.path);

  const sizes = (await Promise.all([stat(executable), stat(bundle)])).map(({ size }) => mebibytes(size));
  await rm(BUILT_FROM, { force: true });
  await rename(bundle, PRODUCT.bundle);
  await rename(executable, PRODUCT.executable);
  await writeFile(BUILT_FROM, wanted);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  report(`Built dist/keystoreop-openbao (${sizes[0]}) and its .cjs (${sizes[1]}) in ${seconds} s.`);
  return true;
}

/** In a folder with nothing in it, so that nothing can be read from beside the file. */
async function assertStarts(program: readonly [string, ...string[]], scratch: string): Promise<void> {
  const folder = await mkdtemp(join(scratch, 'start-'));
  const log = await tryOut(program, { folder });
  const faults = log.split('\n').filter((line) => !/^(\{"@level":"(debug|info)"|$)/.test(line));
  if (faults.length > 0) throw new Error(`${program.join(' ')} logs:\n${faults.join('\n')}`);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
