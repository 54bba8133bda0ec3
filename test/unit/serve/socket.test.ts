import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { preparePluginSocket, SOCKET_DIRECTORY_PREFIX } from '../../../src/serve/socket.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const ownGroup = process.getgid!();

/** Binds where a plugin would. The file is removed when the server closes. */
function bind(path: string): Promise<AsyncDisposable> {
  const server: Server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      const dispose = (): Promise<void> => new Promise((closed) => server.close(() => closed()));
      resolve({ [Symbol.asyncDispose]: dispose });
    });
  });
}

test('P14: without a directory from the host, in a fresh one that only the owner can enter', async () => {
  await using folder = await temporaryFolder();
  const sockets = [1, 2].map(() => preparePluginSocket({ temporaryDirectory: folder.path }));
  for (const socket of sockets) {
    const [directory, name] = socket.path.slice(folder.path.length + 1).split('/') as [string, string];
    expect(directory.startsWith(SOCKET_DIRECTORY_PREFIX)).toBe(true);
    expect(name).toMatch(/^plugin\d+$/);
    expect(modeOf(join(folder.path, directory))).toBe('700');
    await using _bound = await bind(socket.path);
    chmodSync(socket.path, 0o777);
    socket.open();
    expect(modeOf(socket.path)).toBe('600');
  }
  expect(new Set(sockets.map(({ path }) => path)).size).toBe(2);
  for (const socket of sockets) {
    socket.remove();
    socket.remove();
  }
  expect(readdirSync(folder.path)).toEqual([]);
});

test('P14: in the directory of the host itself, which stays', async () => {
  await using folder = await temporaryFolder();
  const directory = join(folder.path, 'plugin-dir1');
  mkdirSync(directory, { mode: 0o755 });
  const socket = preparePluginSocket({ directory, temporaryDirectory: '/nonexistent' });
  expect(socket.path).toMatch(new RegExp(`^${directory}/plugin\\d+$`));
  await using _bound = await bind(socket.path);
  socket.open();
  socket.remove();
  expect(readdirSync(directory)).toEqual([]);
  expect(modeOf(directory)).toBe('755');
});

test('P14: a relative directory becomes absolute, since the line cannot say from where', () => {
  const socket = preparePluginSocket({ directory: 'dist', temporaryDirectory: '/nonexistent' });
  expect(socket.path.startsWith(join(process.cwd(), 'dist/plugin'))).toBe(true);
});

describe('P15: with a group', () => {
  test('the group may enter the directory and connect', async () => {
    await using folder = await temporaryFolder();
    const socket = preparePluginSocket({ temporaryDirectory: folder.path, group: String(ownGroup) });
    const directory = join(socket.path, '..');
    expect(modeOf(directory)).toBe('710');
    expect(statSync(directory).gid).toBe(ownGroup);
    await using _bound = await bind(socket.path);
    socket.open();
    expect(modeOf(socket.path)).toBe('660');
    expect(statSync(socket.path).gid).toBe(ownGroup);
    socket.remove();
    expect(existsSync(directory)).toBe(false);
  });

  const asRoot = process.getuid!() === 0 ? test : test.skip;
  asRoot('a group by its name', async () => {
    await using folder = await temporaryFolder();
    const socket = preparePluginSocket({ temporaryDirectory: folder.path, group: 'daemon' });
    await using _bound = await bind(socket.path);
    socket.open();
    expect([statSync(socket.path).gid, statSync(join(socket.path, '..')).gid]).toEqual([1, 1]);
    socket.remove();
  });

  test('in the directory of the host, which keeps its own', async () => {
    await using folder = await temporaryFolder();
    const before = modeOf(folder.path);
    const socket = preparePluginSocket({
      directory: folder.path,
      temporaryDirectory: '/nonexistent',
      group: String(ownGroup),
    });
    await using _bound = await bind(socket.path);
    socket.open();
    expect([modeOf(socket.path), modeOf(folder.path)]).toEqual(['660', before]);
  });

  test.each(['no-such-group', '', '1x', '-1', '__proto__'])('the group "%s" does not exist', async (group) => {
    await using folder = await temporaryFolder();
    const prepare = () => preparePluginSocket({ temporaryDirectory: folder.path, group });
    expect(prepare).toThrow(`the group ${JSON.stringify(group)} does not exist`);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('P16: the length of the path', () => {
  const LIMIT = process.platform === 'darwin' ? 103 : 107;
  const NAME = '/plugin1234567890';

  /** A directory that makes the path of the socket this long. */
  const directoryFor = (parent: string, bytes: number, character = 'd'): string => {
    const room = bytes - NAME.length - parent.length - 1;
    const directory = join(parent, character.repeat(room / Buffer.byteLength(character)));
    mkdirSync(directory);
    return directory;
  };

  test('the longest possible one can be bound', async () => {
    await using folder = await temporaryFolder();
    const socket = preparePluginSocket({ directory: directoryFor(folder.path, LIMIT), temporaryDirectory: '' });
    expect(Buffer.byteLength(socket.path)).toBe(LIMIT);
    await using _bound = await bind(socket.path);
    expect(existsSync(socket.path)).toBe(true);
  });

  test.each([
    ['one byte more', LIMIT + 1, 'd'],
    ['few characters of many bytes', 150, '€'],
  ])('%s is refused', async (_name, bytes, character) => {
    await using folder = await temporaryFolder();
    const directory = directoryFor(folder.path, bytes, character);
    expect(() => preparePluginSocket({ directory, temporaryDirectory: '' })).toThrow(
      `is longer than the ${LIMIT} bytes a unix socket can have`,
    );
  });

  test('a long temporary directory is refused and left empty', async () => {
    await using folder = await temporaryFolder();
    const temporaryDirectory = directoryFor(folder.path, LIMIT);
    expect(() => preparePluginSocket({ temporaryDirectory })).toThrow('is longer than');
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });
});

test('a temporary directory that does not exist is refused by name', () => {
  expect(() => preparePluginSocket({ temporaryDirectory: '/nonexistent' })).toThrow(/ENOENT.*\/nonexistent/);
});

test('removing leaves what others put into the directory', async () => {
  await using folder = await temporaryFolder();
  const socket = preparePluginSocket({ temporaryDirectory: folder.path });
  const other = join(socket.path, '..', 'other');
  writeFileSync(other, '');
  socket.remove();
  expect(existsSync(other)).toBe(true);
});
