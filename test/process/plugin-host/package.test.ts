import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);
const PACKAGE = 'dist/npm/plugin-host';
const PAGE = 'docs/plugin-host.md';
const COMPILER = resolve('node_modules/typescript/bin/tsc');
const OPTIONS = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  strict: true,
  noEmit: true,
  types: ['node'],
};

/** What somebody has who installed the package: no source of this repository, and of its packages what the manifest names. */
describe('the package plugin-host', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (...path: string[]): string => join(folder.path, ...path);

  beforeAll(async () => {
    folder = await temporaryFolder();
    const installed = at('node_modules', 'plugin-host');
    await mkdir(installed, { recursive: true });
    await run('npm', ['pack', '--silent', '--pack-destination', folder.path], { cwd: PACKAGE });
    const [archive = ''] = (await readdir(folder.path)).filter((name) => name.endsWith('.tgz'));
    await run('tar', ['-xzf', at(archive), '--strip-components=1', '-C', installed]);
    const { dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest;
    // The compiler, and it alone, needs Node's types besides.
    for (const name of [...Object.keys(dependencies), '@types/node']) {
      await mkdir(dirname(at('node_modules', name)), { recursive: true });
      await symlink(resolve('node_modules', name), at('node_modules', name));
    }
    await writeFile(at('package.json'), JSON.stringify({ type: 'module' }));
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test('R-HOST-69 has types with which every example of its page compiles', async () => {
    const examples = [...(await readFile(PAGE, 'utf8')).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
    expect(examples.length).toBeGreaterThanOrEqual(5);
    await mkdir(at('examples'));
    for (const [index, code] of examples.entries()) await writeFile(at('examples', `example-${index}.ts`), code);
    await writeFile(at('tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['examples'] }));
    await expect(compile()).resolves.toBe('');

    // So that the test can fail.
    await writeFile(
      at('examples', 'wrong.ts'),
      "import { startPluginHost } from 'plugin-host';\nvoid startPluginHost({});\n",
    );
    await expect(compile()).resolves.toMatch(/^examples\/wrong\.ts\(2,/);
  });

  async function compile(): Promise<string> {
    return run(process.execPath, [COMPILER, '-p', '.'], { cwd: folder.path }).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { stdout: string }).stdout,
    );
  }

  test('R-HOST-69 runs a plugin without the sources of either', async () => {
    const file = builtPlugin();
    const options = { directory: dirname(file), file: basename(file), sha256: sha256(file) };
    await writeFile(
      at('main.js'),
      `import { PluginCallError, startPluginHost } from 'plugin-host';
      import { keystoreContract } from 'plugin-host/keystore';

      const { directory, ...plugin } = ${JSON.stringify(options)};
      const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
      const host = await startPluginHost({
        directory,
        logger: quiet,
        plugins: { OPENBAO: { contract: keystoreContract, ...plugin } },
      });
      const openbao = host.plugin('OPENBAO');
      const { orphanProtection } = await openbao.ready();
      const parameters = { keyId: 'l1', config: undefined };
      const refusal = await openbao.client.operations.getKey({ parameters }).catch((error) => error);
      await host.close();
      console.log(JSON.stringify({ orphanProtection, refused: refusal instanceof PluginCallError, state: openbao.state.name }));`,
    );
    const { stdout, stderr } = await run(process.execPath, ['main.js'], { cwd: folder.path });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      orphanProtection: process.platform === 'linux',
      refused: true,
      state: 'closed',
    });
  });

  test('brings the command', async () => {
    const { stdout } = await run(process.execPath, [at('node_modules', 'plugin-host', 'plugin-host.js'), '--help']);
    expect(stdout).toMatch(/^Examples:\n {2}plugin-host status /);
  });
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}
