import { execFile, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { parse } from 'yaml';

import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { documentedBlocks, documentedCommands } from '../../support/operations-document.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type Installation, install, nextRelease, RELEASE } from './installation.ts';

const NEXT = '0.2.0';

describe('R-OPS-02 install, upgrade and rollback of docs/operations.md', () => {
  let stage: Installation;
  beforeAll(async () => {
    stage = await install();
  });
  afterAll(() => stage[Symbol.asyncDispose]());
  const running = async (): Promise<string | undefined> => (await stage.plugin.ready()).executable.split('/').at(-1);

  test('the entry for CMK loads: name, checksum and configuration are right', async () => {
    expect(stage.status).toMatch(/^OPENBAO +ready /m);
    const { plugins } = parse(await readFile(join(stage.folder, 'plugins.yaml'), 'utf8')) as { plugins: object[] };
    expect(plugins).toEqual([
      {
        name: 'OPENBAO',
        type: 'KeystoreInstanceKeyOperation',
        path: join(stage.folder, 'plugins', `keystoreop-openbao-${RELEASE}`),
        checksum: sha256(builtPlugin()),
        tags: ['hyok'],
        logLevel: 'info',
        yamlConfiguration: await readFile(join(stage.folder, 'plugin.yaml'), 'utf8'),
      },
    ]);
    expect(await running()).toBe(`keystoreop-openbao-${RELEASE}`);
  });

  test('an upgrade and its rollback under our host: no call fails', async () => {
    await stage.run(documentedCommands('Upgrade and rollback'), { NEW: await nextRelease(stage.folder), NEXT });
    const over = new AbortController();
    let calls = 0;
    const callers = Array.from({ length: 8 }, async () => {
      for (; !over.signal.aborted; calls += 1) {
        expect(await stage.decrypt(await stage.encrypt('a data key'))).toBe('a data key');
      }
    });
    const swapped = async (command: string, generation: number): Promise<string | undefined> => {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>();
      stage.plugin.on('state', (state) => {
        if (state.name === 'ready' && state.generation === generation) resolve(undefined);
        if (state.name === 'failed') reject(state.error);
      });
      await Promise.race([stage.run(command).then(() => promise), ...callers]);
      return running();
    };
    const commands = await documentedMoves();
    expect(await swapped(commands[0]!, 2)).toBe(`keystoreop-openbao-${NEXT}`);
    expect(await swapped(commands[1]!, 3)).toBe(`keystoreop-openbao-${RELEASE}`);
    over.abort();
    await Promise.all(callers);
    expect(calls).toBeGreaterThan(0);
    expect(stage.plugin.status()).toMatchObject({ swaps: 2, restarts: 0 });
  });
});

/** The two commands of the table: there, and back. */
async function documentedMoves(): Promise<readonly string[]> {
  const text = await readFile('docs/operations.md', 'utf8');
  const found = [...text.matchAll(/`(mv plugins-\w+\.yaml plugins\.yaml)`/g)].map(([, command = '']) => command);
  expect(found).toHaveLength(2);
  return found;
}

interface InitContainer {
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
}
interface Values {
  readonly extraInitContainers: readonly [InitContainer];
  readonly extraVolumeMounts: readonly { readonly subPath: string; readonly mountPath: string }[];
}

// Mounts of its own, so that they go with the process.
const ENTER =
  'root=$1; shift; mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && exec chroot "$root" "$@"';
const mayMakeRoots =
  process.arch === 'x64' && process.getuid!() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
if (!mayMakeRoots) process.stderr.write('skipped, no right to make a root file system: the init container\n');

describe('R-OPS-03 the image of docs/operations.md', () => {
  (mayMakeRoots ? test : test.skip)(
    'what the init container brings is all that the plugin needs in an image without libc',
    async () => {
      await using folder = await temporaryFolder();
      const [text = ''] = documentedBlocks('The image', 'yaml');
      const { extraInitContainers, extraVolumeMounts } = parse(text) as Values;
      const [{ command, args, env }] = extraInitContainers;
      const [volume, root] = [join(folder.path, 'volume'), join(folder.path, 'root')];
      await mkdir(volume);
      const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
      const [program, ...flags] = command;
      await promisify(execFile)(program, [...flags, ...args], {
        env: { ...variables, PATH: process.env.PATH, PLUGIN: builtPlugin(), OUT: volume },
      });

      for (const name of ['proc', 'dev', 'tmp']) await mkdir(join(root, name), { recursive: true });
      for (const { subPath, mountPath } of extraVolumeMounts) {
        await mkdir(join(root, mountPath, '..'), { recursive: true });
        await symlink(`/volume/${subPath}`, join(root, mountPath));
      }
      await promisify(execFile)('cp', ['-r', volume, join(root, 'volume')]);
      expect((await readdir(join(root, 'lib'))).length).toBe(1);
      const file = `/etc/plugins/openbao/keystoreop-openbao-${variables.RELEASE}`;
      const enter = ['--mount', '/bin/sh', '-c', ENTER, 'enter', root];
      const { stdout } = await promisify(execFile)('unshare', [...enter, file, 'handshake'], {
        env: { PATH: process.env.PATH, TMPDIR: '/tmp' },
        timeout: 60_000,
      });
      expect(stdout).toContain('ok');
      expect(await readdir(join(root, 'tmp'))).toEqual([]);
    },
  );

  test('the versions of the libraries that it names are those that the executable asks for', async () => {
    const file = (await readFile(builtPlugin())).toString('latin1');
    const newest = (name: string): string =>
      [
        ...new Set(
          [...file.matchAll(new RegExp(`\\0${name}_([0-9.]+)(?=\\0)`, 'g'))].map(([, version = '']) => version),
        ),
      ]
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .at(-1)!;
    const document = await readFile('docs/operations.md', 'utf8');
    expect(document).toContain(`glibc ${newest('GLIBC')} or later`);
    expect(document).toContain(`\`libstdc++\` ${newest('GLIBCXX')} or later`);
  });
});
