import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { preparePluginSocket, SOCKET_DIRECTORY_PREFIX } from '../../../src/serve/socket.ts';
import { removeStaleSockets } from '../../../src/serve/stale-sockets.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function listen(path: string): Promise<Server> {
  const server = createServer((connection) => connection.destroy());
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

/** A socket as a plugin leaves it when it is killed. Closing a server removes its file, but not one of another name. */
async function leaveSocket(path: string): Promise<void> {
  const server = await listen(`${path}0`);
  renameSync(`${path}0`, path);
  await close(server);
}

const tidy = (temporaryDirectory: string, pause = () => Promise.resolve()): Promise<number> =>
  removeStaleSockets({ temporaryDirectory, signal: new AbortController().signal, pause });

test('removes what dead plugins left, and their directories', async () => {
  await using folder = await temporaryFolder();
  for (let i = 0; i < 3; i += 1) {
    await leaveSocket(preparePluginSocket({ temporaryDirectory: folder.path }).path);
  }
  expect(await tidy(folder.path)).toBe(3);
  expect(readdirSync(folder.path)).toEqual([]);
});

test('leaves a plugin that answers, and one that has yet to bind', async () => {
  await using folder = await temporaryFolder();
  const living = preparePluginSocket({ temporaryDirectory: folder.path });
  const server = await listen(living.path);
  const starting = preparePluginSocket({ temporaryDirectory: folder.path });
  expect(await tidy(folder.path)).toBe(0);
  expect(existsSync(living.path)).toBe(true);
  expect(existsSync(join(starting.path, '..'))).toBe(true);
  await close(server);
});

test('leaves a plugin that answers at the second look', async () => {
  await using folder = await temporaryFolder();
  const { path } = preparePluginSocket({ temporaryDirectory: folder.path });
  await leaveSocket(path);
  let server: Server | undefined;
  const count = await tidy(folder.path, async () => {
    renameSync(path, `${path}9`);
    server = await listen(path);
  });
  expect(count).toBe(0);
  expect(existsSync(path)).toBe(true);
  await close(server!);
});

test('leaves a plugin that is too busy to take the connection', async () => {
  await using folder = await temporaryFolder();
  const { path } = preparePluginSocket({ temporaryDirectory: folder.path });
  const program = 'require("net").createServer().listen({ path: process.argv[1], backlog: 1 }, () => console.log())';
  const busy = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(busy, 'close');
  try {
    await once(busy.stdout, 'data');
    busy.kill('SIGSTOP');
    const waiting = Array.from({ length: 5 }, () => connect(path).on('error', () => undefined));
    await Promise.all(waiting.map((socket) => once(socket, 'connect').catch(() => undefined)));
    expect(await tidy(folder.path)).toBe(0);
    expect(existsSync(path)).toBe(true);
    for (const socket of waiting) socket.destroy();
  } finally {
    busy.kill('SIGKILL');
    await ended;
  }
});

test('leaves whatever is not as a plugin leaves it', async () => {
  await using folder = await temporaryFolder();
  await using elsewhere = await temporaryFolder();
  const inside = (name: string): string => join(folder.path, `${SOCKET_DIRECTORY_PREFIX}${name}`);

  mkdirSync(join(folder.path, 'other'));
  await leaveSocket(join(folder.path, 'other', 'plugin1'));
  mkdirSync(inside('empty'));
  mkdirSync(inside('file'));
  writeFileSync(join(inside('file'), 'plugin1'), '');
  mkdirSync(inside('name'));
  await leaveSocket(join(inside('name'), 'socket1'));
  writeFileSync(inside('plain'), '');
  await leaveSocket(join(elsewhere.path, 'plugin1'));
  symlinkSync(elsewhere.path, inside('link'));

  expect(await tidy(folder.path)).toBe(0);
  expect(readdirSync(folder.path)).toHaveLength(6);
  expect(existsSync(join(elsewhere.path, 'plugin1'))).toBe(true);
});

test('removes the socket but not a directory that holds something else', async () => {
  await using folder = await temporaryFolder();
  const { path } = preparePluginSocket({ temporaryDirectory: folder.path });
  await leaveSocket(path);
  writeFileSync(join(path, '..', 'other'), '');
  expect(await tidy(folder.path)).toBe(0);
  expect(readdirSync(join(path, '..'))).toEqual(['other']);
});

test('two plugins that tidy up at once do not mind each other', async () => {
  await using folder = await temporaryFolder();
  for (let i = 0; i < 5; i += 1) {
    await leaveSocket(preparePluginSocket({ temporaryDirectory: folder.path }).path);
  }
  const counts = await Promise.all([tidy(folder.path), tidy(folder.path)]);
  expect(counts[0] + counts[1]).toBeLessThanOrEqual(5);
  expect(readdirSync(folder.path)).toEqual([]);
});

test('stops when the plugin does', async () => {
  await using folder = await temporaryFolder();
  const { path } = preparePluginSocket({ temporaryDirectory: folder.path });
  await leaveSocket(path);
  const controller = new AbortController();
  const looking = removeStaleSockets({ temporaryDirectory: folder.path, signal: controller.signal });
  controller.abort();
  expect(await looking).toBe(0);
  expect(existsSync(path)).toBe(true);
});

test('a directory that cannot be read rejects', async () => {
  await expect(tidy('/nonexistent')).rejects.toMatchObject({ code: 'ENOENT' });
});
