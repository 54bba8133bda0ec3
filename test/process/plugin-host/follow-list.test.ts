import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { followPluginList, listedPlugin, loadPluginList, startPluginHost } from '../../../plugin-host/index.ts';
import { installPlugin } from '../../fixtures/plugins/install-plugin.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';
import { until } from '../../support/until.ts';
import { type LogEntry, recordLog } from './host-fixture.ts';

const contracts = [testContract];

/** A host from a list on disk that is followed. */
async function followed(entry: Readonly<Record<string, unknown>> = {}, debounceMs = 50) {
  await using resources = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'follow-'));
  resources.defer(() => rm(directory, { recursive: true }));
  const plugins = join(directory, 'plugins');
  await mkdir(plugins);
  const { file: name, sha256 } = await installPlugin(plugins, 'good.ts');
  const list = (changes: Readonly<Record<string, unknown>> = {}): string =>
    JSON.stringify([
      { name: 'TEST', type: testContract.type, path: join(plugins, name), checksum: sha256, ...entry, ...changes },
    ]);
  const file = join(directory, 'list.yaml');
  await writeFile(file, list());
  const log: LogEntry[] = [];
  const logger = recordLog(log);
  const options = { contracts };
  const loaded = await loadPluginList(file, options);
  const host = resources.use(await startPluginHost({ directory: plugins, logger, plugins: loaded.plugins }));
  const plugin = listedPlugin(host, testContract, 'TEST');
  await plugin.ready();
  const follow = (to = logger): AsyncDisposable =>
    followPluginList(host, file, { ...options, list: loaded, logger: to, debounceMs });
  const follower = resources.use(follow());
  const held = resources.move();
  return {
    ...{ directory, file, follow, follower, list, log, plugin, plugins },
    messages: () => log.map(({ message }) => message),
    generation: (wanted: number) =>
      until(`generation ${wanted}`, () => plugin.state.name === 'ready' && plugin.state.generation === wanted),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

describe('a plugins list that is followed', () => {
  test('R-HOST-71 an entry that changes replaces its process, once for many changes', async () => {
    // As long as nothing that this test waits for: it ends with the swap.
    await using stage = await followed({}, 2000);
    for (const text of ['a', 'b', 'c']) await writeFile(stage.file, stage.list({ args: [text] }));
    await stage.generation(2);
    const { args } = await stage.plugin.client.test.inspect({});
    expect(args?.at(-1)).toBe('c');
    await until('the log', () => stage.messages().some((message) => message.includes('is replaced as the list says')));
    expect(stage.plugin.status()).toMatchObject({ generation: 2, swaps: 1, restarts: 0 });
  });

  test('R-HOST-71 a file that is renamed over, and one that is swapped by a symlink', async () => {
    await using stage = await followed();
    await writeFile(`${stage.file}.new`, stage.list({ args: ['renamed'] }));
    await rename(`${stage.file}.new`, stage.file);
    await stage.generation(2);

    await writeFile(join(stage.directory, 'other.yaml'), stage.list({ args: ['linked'] }));
    await symlink(join(stage.directory, 'other.yaml'), `${stage.file}.link`);
    await rename(`${stage.file}.link`, stage.file);
    await stage.generation(3);
    expect((await stage.plugin.client.test.inspect({})).args?.at(-1)).toBe('linked');
  });

  test('R-HOST-71 without a checksum, an executable that changes', async () => {
    await using stage = await followed({ checksum: '' });
    const next = join(stage.directory, 'next');
    await copyFile(join(stage.plugins, 'good'), next);
    await writeFile(next, '// of another version\n', { flag: 'a' });
    await chmod(next, 0o755);
    await rename(next, join(stage.plugins, 'good'));
    await stage.generation(2);
  });

  test.each([
    ['with problems', () => '- {name: TEST, checksum: 1}', /list\.yaml: plugins\[0\]/],
    [
      'with a process that does not start',
      (list: List) => list({ checksum: '0'.repeat(64) }),
      /was not replaced, at step check/,
    ],
    ['that has lost the plugin', () => '[]', /is no longer in the list/],
    [
      'with a plugin more',
      (list: List) => `[${list().slice(1, -1)}, ${list({ name: 'MORE' }).slice(1, -1)}]`,
      /MORE is new in the list/,
    ],
  ])('R-HOST-71 a list %s is told of, and the plugin goes on', async (_name, text, message) => {
    await using stage = await followed();
    await writeFile(stage.file, text(stage.list));
    await until('the log', () => stage.messages().some((one) => message.test(one)));
    expect(stage.plugin.state).toMatchObject({ name: 'ready', generation: 1 });

    // The next change is taken again.
    await writeFile(stage.file, stage.list({ args: ['again'] }));
    await until('the swap', () => stage.plugin.status().swaps === 1);
  });

  test('R-HOST-71 a list that came before its executable is taken when that has come', async () => {
    await using stage = await followed();
    const next = await readFile(join(stage.plugins, 'good'), 'utf8').then((text) => `${text}// of another version\n`);
    const checksum = createHash('sha256').update(next).digest('hex');
    await writeFile(stage.file, stage.list({ path: join(stage.plugins, 'next'), checksum }));
    await until('the refusal', () => stage.messages().some((message) => message.includes('was not replaced')));
    await writeFile(join(stage.directory, 'next'), next);
    await chmod(join(stage.directory, 'next'), 0o755);
    await rename(join(stage.directory, 'next'), join(stage.plugins, 'next'));
    await until('the swap', () => stage.plugin.status().swaps === 1);
  });

  test('R-HOST-71 a change between the reading of the list and the following is seen', async () => {
    await using stage = await followed();
    await stage.follower[Symbol.asyncDispose]();
    await writeFile(stage.file, stage.list({ args: ['meanwhile'] }));
    await using _again = stage.follow();
    await until('the swap', () => stage.plugin.status().swaps === 1);
  });

  test('R-HOST-71 a directory in which something changes all the time does not keep the list from being read', async () => {
    await using stage = await followed();
    const noise = setInterval(() => void writeFile(join(stage.directory, 'noise'), ''), 10);
    try {
      await writeFile(stage.file, stage.list({ args: ['in the noise'] }));
      await until('the swap', () => stage.plugin.status().swaps === 1);
    } finally {
      clearInterval(noise);
    }
  });

  test('is no longer followed once that is disposed of', async () => {
    await using stage = await followed();
    await stage.follower[Symbol.asyncDispose]();
    await writeFile(stage.file, stage.list({ args: ['late'] }));
    // Another one sees the change; the first has not seen it when the other has done all.
    const log: LogEntry[] = [];
    const first = stage.log.length;
    await using _again = stage.follow(recordLog(log));
    await until('the swap', () => stage.plugin.status().swaps === 1);
    await until('the log', () => log.some(({ message }) => message.includes('is replaced as the list says')));
    expect(stage.log.slice(first).filter(({ message }) => message.includes('as the list says'))).toEqual([]);
    expect(stage.plugin.status().swaps).toBe(1);
  });
});

type List = (changes?: Readonly<Record<string, unknown>>) => string;
