import { spawnSync } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { cp, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { PLUGIN_TYPES } from '../../../keystore-contract/plugin-types.ts';
import { COMMANDS } from '../../../src/command/command-table.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { bundle, spawnPlugin, startPlugin } from '../../support/plugin-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { runTool } from '../../support/tool.ts';

const FILES = 'test/fixtures/transcripts/files';
const WIDE = 80;
const ESCAPE = '\x1b';

/** A command line of each command that needs nothing but the fixtures. */
const ONE_OF_EACH: Readonly<Record<string, string>> = {
  handshake: 'handshake',
  policy: 'policy hyok-management crypto --config plugin.yaml --key l1',
  'config check': 'config check bad.yaml',
  'config schema': 'config schema',
  'config example': 'config example',
  explain: 'explain',
  version: 'version',
  completion: 'completion bash',
};

describe('R-CMD-01 with a cookie it is a plugin, whatever the arguments', () => {
  test.each(['--help', 'version', 'handshake', 'serve --no-tls', 'nonsense'])('%s', async (line) => {
    await using plugin = await startPlugin({ program: [builtPlugin(), ...line.split(' ')] });
    await plugin.stop();
    expect(plugin.output.stdout).toMatch(/^1\|1\|unix\|/);
  });

  test('and a cookie of another type counts as none', async () => {
    const { code, stdout } = await runTool(['version', '--checksum'], { variables: { Other: 'Other' } });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^checksum: [0-9a-f]{64}\n$/) as string,
    });
  });
});

describe('R-CMD-07 text', () => {
  test.each(COMMANDS.map(({ name }) => name))('the help of %s has no line that is too wide', async (name) => {
    const { code, stdout } = await runTool([...name.split(' '), '--help']);
    expect(code).toBe(0);
    // An example is a line to copy.
    const prose = stdout.split('\n').filter((line) => !line.startsWith('  keystoreop-openbao '));
    expect(prose.filter((line) => line.length > WIDE)).toEqual([]);
    expect(stdout).not.toContain(ESCAPE);
  });

  test.each(['explain', 'explain address-not-allowed', 'handshake', 'version', 'config example'])(
    'the prose of %s has no line that is too wide',
    async (line) => {
      const { stdout } = await runTool(line.split(' '));
      // A key of the example is a line of YAML.
      const prose = stdout.split('\n').filter((each) => !/^ *(?:# )?\w+: /.test(each));
      expect(prose.filter((each) => Array.from(each).length > WIDE)).toEqual([]);
    },
  );

  const python = spawnSync('python3', ['--version']).status === 0;
  const PTY = `import pty, sys
pty.spawn(sys.argv[1:])`;
  const onTerminal = (line: string, variables: Record<string, string>): string => {
    const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const args = ['-c', PTY, '/usr/bin/env', '-i', ...environment, builtPlugin(), ...line.split(' ')];
    return spawnSync('python3', args, { encoding: 'utf8', input: '' }).stdout;
  };

  (python ? test : test.skip)('is in colours on a terminal, and not where NO_COLOR or a dumb terminal says so', () => {
    expect(onTerminal('version', { TERM: 'xterm' })).toContain(`${ESCAPE}[1mkeystoreop-openbao`);
    expect(onTerminal('version', { TERM: 'xterm', NO_COLOR: '1' })).not.toContain(ESCAPE);
    expect(onTerminal('version', { TERM: 'dumb' })).not.toContain(ESCAPE);
    expect(onTerminal('version --output json', { TERM: 'xterm' })).not.toContain(ESCAPE);
  });
});

describe('R-CMD-08 stdout', () => {
  test.each(Object.entries(ONE_OF_EACH))('of %s may be closed by its reader, in silence', async (_, line) => {
    await using folder = await temporaryFolder();
    await cp(FILES, folder.path, { recursive: true });
    const command = `"$0" ${line} | true; echo "\${PIPESTATUS[0]}"`;
    const { stderr, stdout } = spawnSync('bash', ['-c', command, builtPlugin()], {
      encoding: 'utf8',
      cwd: folder.path,
    });
    expect({ stderr, code: stdout.trim() }).toEqual({ stderr: '', code: expect.stringMatching(/^[03]$/) as string });
  });

  test('that is full is told', async () => {
    const full = openSync('/dev/full', 'w');
    try {
      const { code, stderr } = await runTool(['explain'], { stdout: full });
      expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: the result cannot be written (ENOSPC)\n' });
    } finally {
      closeSync(full);
    }
  });
});

describe('bad surroundings', () => {
  const mayUnshare = process.getuid!() === 0 && spawnSync('unshare', ['--mount', '--net', 'true']).status === 0;
  if (!mayUnshare) process.stderr.write('skipped, no right to make name spaces: no network, read-only file system\n');
  const inside = mayUnshare ? test : test.skip;

  inside.each(Object.entries(ONE_OF_EACH))('R-CMD-12 %s needs no network', async (_, line) => {
    await using folder = await temporaryFolder();
    await cp(FILES, folder.path, { recursive: true });
    const program = ['unshare', '--net', builtPlugin()] as const;
    const { code, stderr } = await runTool(line.split(' '), { program, cwd: folder.path, variables: PATH });
    expect({ code, stderr }).toEqual({ code: line.includes('bad') ? 3 : 0, stderr: '' });
  });

  const READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" && shift && exec "$@"';
  const readOnly = async (line: string) => {
    await using folder = await temporaryFolder();
    await cp(FILES, folder.path, { recursive: true });
    const program = ['unshare', '--mount', '/bin/sh', '-c', READ_ONLY, 'sh', folder.path, builtPlugin()] as const;
    return await runTool(line.split(' '), { program, variables: { ...PATH, TMPDIR: folder.path } });
  };

  inside('a read-only file system is named by what must write', async () => {
    const { code, stderr } = await readOnly('handshake');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/takes no directory.*\(EROFS\)/) as string,
    });
    const served = await readOnly('serve --tls-dir tls');
    expect(served).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/tls cannot be written \(EROFS\)/) as string,
    });
  });

  inside('a read-only file system is no matter to what only reads', async () => {
    expect(await readOnly('config check --no-files plugin.yaml')).toMatchObject({ code: 0, stderr: '' });
    expect(await readOnly('version --checksum')).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('R-CMD-16 files that a configuration names', () => {
  const text = (path: string) => `openbao: { addresses: ["https://bao.example.com"] }
auth: { method: approle, roleId: r, secretId: { source: file, file: { path: ${path} } } }
`;
  const check = async (prepare: (secret: string) => Promise<void>) => {
    await using folder = await temporaryFolder();
    const secret = join(folder.path, 'secret');
    await prepare(secret);
    await writeFile(join(folder.path, 'plugin.yaml'), text(secret));
    const { code, stderr, stdout } = await runTool(['config', 'check', 'plugin.yaml'], { cwd: folder.path });
    expect(stdout + stderr).not.toContain('CANARY');
    return `${stdout.replaceAll(secret, 'SECRET')}${String(code)}`;
  };

  test('are read, and not shown', async () => {
    expect(await check((secret) => writeFile(secret, 'CANARY\n', { mode: 0o600 }))).toBe(
      'plugin.yaml: valid for KeystoreInstanceKeyOperation\n0',
    );
  });

  test.each<[string, (secret: string) => Promise<void>, string]>([
    ['missing', () => Promise.resolve(), 'file SECRET cannot be read (ENOENT)'],
    ['a directory', (secret) => cp(FILES, secret, { recursive: true }), 'file SECRET cannot be read (ENOTFILE)'],
    ['a link to itself', (secret) => symlink(secret, secret), 'file SECRET cannot be read (ELOOP)'],
    ['empty', (secret) => writeFile(secret, '\n'), 'file SECRET is empty'],
    ['no text', (secret) => writeFile(secret, Buffer.from([0xff, 0xfe])), 'file SECRET is not UTF-8 text'],
    ['too large', (secret) => writeFile(secret, 'CANARY'.repeat(400_000)), 'file SECRET is larger than 1048576 bytes'],
  ])('that are %s are a problem', async (_, prepare, message) => {
    expect(await check(prepare)).toBe(
      `plugin.yaml:2: auth.secretId: ${message}\nplugin.yaml: not valid for KeystoreInstanceKeyOperation\n3`,
    );
  });

  test('that everybody may read are warned of', async () => {
    expect(await check((secret) => writeFile(secret, 'CANARY\n', { mode: 0o644 }))).toBe(
      'plugin.yaml:2: auth.secretId: everybody on the machine may read SECRET (warning)\nplugin.yaml: valid for KeystoreInstanceKeyOperation\n0',
    );
  });
});

test('R-CMD-18 an example is valid for every method, and so is every default in it', async () => {
  for (const type of Object.keys(PLUGIN_TYPES)) {
    for (const method of ['callCertificate', 'approle', 'kubernetes', 'jwt', 'cert']) {
      if (type === 'KeystoreProvider' && method === 'callCertificate') continue;
      await using folder = await temporaryFolder();
      const { stdout } = await runTool(['config', 'example', '--type', type, '--method', method]);
      const withDefaults = stdout.replaceAll(/^( *)# (?=\w+: \S|(?:audit|keys|limits):$)/gm, '$1');
      expect(withDefaults).not.toBe(stdout);
      for (const [name, text] of Object.entries({ given: stdout, 'with-defaults': withDefaults })) {
        await writeFile(join(folder.path, name), text);
        const found = await runTool(['config', 'check', name, '--no-files', '--type', type], { cwd: folder.path });
        expect(found).toEqual({ code: 0, signal: null, stdout: `${name}: valid for ${type}\n`, stderr: '' });
      }
    }
  }
});

test('R-CMD-08 what nobody has foreseen is told without what it says', async () => {
  await using folder = await temporaryFolder();
  const preload = join(folder.path, 'preload.cjs');
  await writeFile(preload, `require('node:crypto').createHash = () => { throw new TypeError('CANARY'); };\n`);
  const program = bundle('--require', preload);
  const { code, stderr, stdout } = await runTool(['version', '--checksum'], { program });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^error: TypeError\n {4}at [^]*hint: this is a defect; please report it\n$/);
  expect(stderr).not.toContain('CANARY');
});

test('R-CMD-22 a plugin never has the right to start a process, and the tool only for handshake', async () => {
  await using folder = await temporaryFolder();
  // Nothing of the kind is there to be called: what the process may do is asked of Node inside the bundle.
  await writeFile(join(folder.path, 'probe.cjs'), PROBE);
  const program = bundle(...PERMISSIONS, '--require', join(folder.path, 'probe.cjs'));
  const asked = async (args: readonly string[], variables: Record<string, string>) => {
    await using plugin = await spawnPlugin({ program: [...program, ...args], variables: { ...variables, ...NO_HOST } });
    await plugin.ended;
    return /may start processes: (\w+)/.exec(plugin.output.stderr)?.[1];
  };
  const cookie = { KeystoreInstanceKeyOperation: 'KeystoreInstanceKeyOperation' };
  expect(await asked([], cookie)).toBe('false');
  expect(await asked(['handshake'], cookie)).toBe('false');
  expect(await readdir(folder.path)).toEqual(['probe.cjs']);
});

const PATH = { PATH: process.env.PATH ?? '' };
const NO_HOST = { PLUGIN_CLIENT_CERT: '' };
const PERMISSIONS = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-net', '--allow-child-process'];
const PROBE = `process.on('exit', () => {
  const answer = { '@level': 'info', '@message': 'may start processes: ' + process.permission.has('child') };
  require('node:fs').writeSync(2, JSON.stringify({ ...answer, '@timestamp': '2026-01-01T00:00:00.000000Z' }) + '\\n');
});
`;
