import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { certificatePemFromDer } from '../../../plugin-protocol/certificate.ts';
import { parseHandshakeLine } from '../../../plugin-protocol/handshake.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { connectPlugin } from '../../support/plugin-connection.ts';
import { spawnPlugin } from '../../support/plugin-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

// Mounts of its own, so that they go with the process; the pid stays the same through all of it.
const ENTER = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" /plugin';
const mayMakeRoots = process.getuid!() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;

async function makeRoot(root: string): Promise<void> {
  const libraries = execFileSync('ldd', [builtPlugin()], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const name of ['proc', 'dev', 'tmp']) await mkdir(join(root, name));
  for (const library of libraries) {
    await mkdir(join(root, dirname(library)), { recursive: true });
    await copyFile(library, join(root, library));
  }
  await copyFile(builtPlugin(), join(root, 'plugin'));
  await chmod(join(root, 'plugin'), 0o755);
}

if (!mayMakeRoots) process.stderr.write('skipped, no right to make a root file system: the empty root\n');

(mayMakeRoots ? test : test.skip)(
  'P42 R-PROC-11 runs in a root with nothing in it but the file, its libraries, /proc, /dev and a temporary directory',
  async () => {
    await using folder = await temporaryFolder();
    await makeRoot(folder.path);
    const program = ['unshare', '--mount', '/bin/sh', '-c', ENTER, 'enter', folder.path] as const;
    await using plugin = await spawnPlugin({ program, variables: { TMPDIR: '/tmp', PATH: process.env.PATH } });
    const { address, certificateDer } = parseHandshakeLine(await plugin.handshake());
    const socketPath = join(folder.path, address);
    const connection = connectPlugin(
      { socketPath, certificatePem: certificatePemFromDer(certificateDer!) },
      plugin.own,
    );
    const { config } = SERVICE_DEFINITIONS;
    await connection.call(config.configure, { yamlConfiguration: '' });
    connection.disconnect();
    await plugin.stop();
    expect(await plugin.ended).toEqual({ code: 0, signal: null });
    expect(await readdir(join(folder.path, 'tmp'))).toEqual([]);
  },
);
