import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { HealthService } from '../../../plugin-protocol/services.ts';
import { spawnPlugin, startPlugin } from '../../support/plugin-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

// As root any group will do that new files do not get by themselves; anybody else may only give to a group of their own.
const GROUP_ID = process.getuid!() === 0 ? 1 : process.getgid!();

const permissions = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

async function groupName(id: number): Promise<string> {
  const line = (await readFile('/etc/group', 'utf8')).split('\n').find((text) => text.split(':')[2] === String(id));
  return line!.split(':')[0]!;
}

/** What a plugin says that refuses to start. It must leave nothing in its own folder, which the stop looks into. */
async function refusedStart(variables: Record<string, string>): Promise<unknown> {
  await using plugin = await spawnPlugin({ variables });
  expect(await plugin.ended).toEqual({ code: 1, signal: null });
  expect(plugin.output.stdout).toBe('');
  const errors = plugin.log().filter(({ level }) => level === 'error');
  expect(errors.map(({ message }) => message)).toEqual(['plugin init error']);
  return errors[0]!.fields.err;
}

test('P14 R-PROC-08 the socket is in a directory of its own in TMPDIR, closed to everybody else', async () => {
  await using plugin = await startPlugin();
  const directory = dirname(plugin.socketPath);
  expect(dirname(directory)).toBe(plugin.folder);
  expect(await permissions(directory)).toBe('700');
  expect(await permissions(plugin.socketPath)).toBe('600');
  expect(await readFile(`/proc/${plugin.pid}/status`, 'utf8')).toMatch(/^Umask:\s+0077$/m);
});

test('P14 without TMPDIR the directory is in /tmp', async () => {
  await using plugin = await startPlugin({ variables: { TMPDIR: undefined } });
  const directory = dirname(plugin.socketPath);
  expect(dirname(directory)).toBe('/tmp');
  expect(await permissions(directory)).toBe('700');
  await plugin.stop();
  await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('P14 R-PROC-08 the socket is in PLUGIN_UNIX_SOCKET_DIR when that is set, and the directory stays', async () => {
  await using folder = await temporaryFolder();
  await using plugin = await startPlugin({ variables: { PLUGIN_UNIX_SOCKET_DIR: folder.path } });
  expect(dirname(plugin.socketPath)).toBe(folder.path);
  expect(await permissions(plugin.socketPath)).toBe('600');
  expect(await readdir(plugin.folder)).toEqual([]);
  await plugin.call(HealthService.check, { service: 'plugin' });
  await plugin.stop();
  expect(await readdir(folder.path)).toEqual([]);
});

test.each(['its number', 'its name'])(
  'P15 R-PROC-09 PLUGIN_UNIX_SOCKET_GROUP by %s: the group may connect',
  async (form) => {
    const group = form === 'its name' ? await groupName(GROUP_ID) : String(GROUP_ID);
    await using folder = await temporaryFolder();
    await using plugin = await startPlugin({
      variables: { PLUGIN_UNIX_SOCKET_DIR: folder.path, PLUGIN_UNIX_SOCKET_GROUP: group },
    });
    expect(await permissions(plugin.socketPath)).toBe('660');
    expect((await stat(plugin.socketPath)).gid).toBe(GROUP_ID);
    await plugin.call(HealthService.check, { service: 'plugin' });
  },
);

test('P15 with a group and no directory given, the group gets through to the socket and no further', async () => {
  await using plugin = await startPlugin({ variables: { PLUGIN_UNIX_SOCKET_GROUP: String(GROUP_ID) } });
  const directory = dirname(plugin.socketPath);
  expect([await permissions(directory), await permissions(plugin.socketPath)]).toEqual(['710', '660']);
  expect([(await stat(directory)).gid, (await stat(plugin.socketPath)).gid]).toEqual([GROUP_ID, GROUP_ID]);
});

test('P15 a group that does not exist is an error', async () => {
  expect(await refusedStart({ PLUGIN_UNIX_SOCKET_GROUP: 'no-such-group' })).toContain('no-such-group');
});

test.each(['TMPDIR', 'PLUGIN_UNIX_SOCKET_DIR'])(
  'P16 R-PROC-10 a %s that is too long for a socket is an error',
  async (name) => {
    await using folder = await temporaryFolder();
    const long = join(folder.path, 'x'.repeat(80));
    await mkdir(long);
    expect(await refusedStart({ [name]: long })).toMatch(/longer than the 107 bytes/);
    expect(await readdir(long)).toEqual([]);
  },
);

test.each(['TMPDIR', 'PLUGIN_UNIX_SOCKET_DIR'])('a %s that does not exist is an error', async (name) => {
  expect(await refusedStart({ [name]: '/no/such/directory' })).toContain('/no/such/directory');
});

test('a directory whose name the handshake line cannot carry is an error', async () => {
  await using folder = await temporaryFolder();
  const odd = join(folder.path, 'a|b');
  await mkdir(odd);
  expect(await refusedStart({ TMPDIR: odd })).toContain('cannot carry');
  expect(await readdir(odd)).toEqual([]);
});

test('P17 ports are for TCP, which is not served here: a unix socket whatever they say', async () => {
  await using plugin = await startPlugin({ variables: { PLUGIN_MIN_PORT: '20000', PLUGIN_MAX_PORT: '20000' } });
  expect(plugin.line.network).toBe('unix');
});

test('P17 a lowest port above the highest is an error', async () => {
  const ports = { PLUGIN_MIN_PORT: '25000', PLUGIN_MAX_PORT: '10000' };
  expect(await refusedStart(ports)).toBe(
    'PLUGIN_MIN_PORT value of 25000 is greater than PLUGIN_MAX_PORT value of 10000',
  );
});
