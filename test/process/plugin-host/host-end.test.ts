import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { startPluginHost } from '../../../plugin-host/index.ts';
import { installPlugin } from '../../fixtures/plugins/install-plugin.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';
import { load, processesWith, recordLog } from './host-fixture.ts';

const linux = process.platform === 'linux' ? test : test.skip;

async function descriptors(): Promise<number> {
  return (await readdir('/proc/self/fd')).length;
}

describe('a host process of its own', () => {
  let temporary: string;
  let host: ChildProcess;
  let lines: NodeJS.AsyncIterator<string>;
  let mark: string;
  let variables: string[];

  const start = async (ending: string): Promise<void> => {
    temporary = await mkdtemp(join(tmpdir(), 'host-end-'));
    host = spawn(process.execPath, ['test/process/plugin-host/host-program.ts', ending], {
      env: { TMPDIR: temporary, NODE_V8_COVERAGE: join(temporary, 'coverage'), PLUGIN_UNIX_SOCKET_GROUP: 'daemon' },
      stdio: ['ignore', 'pipe', 'ignore'],
      // A group of its own, as in a terminal.
      detached: true,
    });
    lines = createInterface({ input: host.stdout! })[Symbol.asyncIterator]();
    variables = String((await lines.next()).value).split(' ');
    mark = variables.find((name) => name.startsWith('MARK_')) ?? 'no mark';
    expect(await processesWith(mark)).toHaveLength(1);
  };

  afterEach(async () => {
    await rm(temporary, { recursive: true });
  });

  linux.each([
    ['H30 process.exit', 'exit', 5],
    ['H30 an uncaught exception', 'throw', 1],
  ])('%s takes plugin and socket along', async (_name, ending, code) => {
    await start(ending);
    await expect(once(host, 'exit')).resolves.toEqual([code, null]);
    // The kernel finishes a killed process in its own time.
    while ((await processesWith(mark)).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const sockets = (await readdir(temporary)).find((name) => name.startsWith('sockets-'));
    expect(await readdir(join(temporary, sockets!))).toEqual([]);
  });

  linux('H1 a plugin inherits nothing, not even what Node hands on by itself', async () => {
    await start('close');
    expect(variables.filter((name) => name !== mark)).toEqual([
      'TestService',
      'PLUGIN_MIN_PORT',
      'PLUGIN_MAX_PORT',
      'PLUGIN_PROTOCOL_VERSIONS',
      'PLUGIN_CLIENT_CERT',
      'PLUGIN_UNIX_SOCKET_DIR',
    ]);
    await expect(once(host, 'exit')).resolves.toEqual([0, null]);
  });

  linux('H29 Ctrl-C reaches the host and not its plugin', async () => {
    await start('interrupt');
    process.kill(-host.pid!, 'SIGINT');
    expect((await lines.next()).value).toBe('still there');
    await expect(once(host, 'exit')).resolves.toEqual([0, null]);
    expect(await processesWith(mark)).toEqual([]);
  });
});

linux('H37 L8 rounds of load and close leave no descriptor, process, socket or directory', async () => {
  const round = async (): Promise<void> => {
    await using stage = await load('good.ts');
    await stage.plugin.client.test.echo({ text: 'round' });
    await stage.close();
    expect(await stage.leftovers()).toEqual([]);
  };
  await round();
  const before = await descriptors();
  for (let count = 0; count < 15; count += 1) await round();
  expect(await descriptors()).toBe(before);
});

linux('H37 rounds of failed starts leave no descriptor', async () => {
  const round = async (): Promise<void> => {
    await using stage = await load('handshake-line.sh', { args: ['nonsense\n'] });
    await expect(stage.plugin.ready()).rejects.toMatchObject({ code: 'ERR_HANDSHAKE_FIELDS' });
  };
  await round();
  const before = await descriptors();
  for (let count = 0; count < 15; count += 1) await round();
  expect(await descriptors()).toBe(before);
});

test('several plugins: one that fails does not touch the others', async () => {
  await using stage = await load('good.ts');
  const good = await installPlugin(stage.directory, 'good.ts');
  const bad = await installPlugin(stage.directory, 'exits-early.sh');
  await using host = await startPluginHost({
    directory: stage.directory,
    socketDirectory: stage.sockets,
    logger: recordLog([]),
    plugins: { GOOD: { contract: testContract, ...good }, BAD: { contract: testContract, ...bad } },
  });
  await expect(host.plugin('BAD').ready()).rejects.toMatchObject({
    code: 'ERR_RESTARTS',
    cause: { code: 'ERR_PLUGIN_EXITED' },
  });
  await expect(host.plugin('GOOD').client.test.echo({ text: 'fine' })).resolves.toEqual({ text: 'fine' });
  expect(() => host.plugin('UGLY' as 'GOOD')).toThrow(/there is no plugin "UGLY"/);
});
