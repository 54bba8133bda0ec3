import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { loadPluginList, type PluginHostError, readPluginList } from '../../../../plugin-host/index.ts';
import { testContract } from '../../../fixtures/plugins/test-contract.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const { type } = testContract;
const SHA = '0'.repeat(64);
const contracts = [testContract];

const read = (yaml: string, options = {}) => readPluginList(yaml, { contracts, ...options });
const refusal = async (yaml: string, options = {}): Promise<PluginHostError> =>
  read(yaml, options).then(
    () => {
      throw new Error('the list was accepted');
    },
    (error: unknown) => error as PluginHostError,
  );
const entry = (lines: string): string => `  - {name: A, type: ${type}, path: /plugins/a, checksum: '${SHA}'${lines}}\n`;

describe('a plugins list', () => {
  test('R-HOST-64 becomes the options of a host', async () => {
    const { plugins, entries, warnings } = await read(
      `logger: {level: info}\nplugins:\n${entry(', args: [x], env: {TMPDIR: /run}, yamlConfiguration: "a: 1", tags: [HYOK]')}`,
    );
    const options = {
      contract: testContract,
      file: '/plugins/a',
      sha256: SHA,
      args: ['x'],
      configuration: 'a: 1',
      environment: { set: { TMPDIR: '/run' } },
      logLevel: 'info',
    };
    expect(plugins).toEqual({ [`${type}/A`]: options });
    expect(entries).toEqual([{ key: `${type}/A`, name: 'A', contract: testContract, tags: ['hyok'], options }]);
    expect(warnings).toEqual([]);
  });

  test.each([
    ['without plugins', 'logger: {}'],
    ['that is empty', 'plugins:'],
    ['of nothing', ''],
    ['without an enabled one', `plugins:\n${entry(', disabled: true')}`],
  ])('%s has none', async (_name, yaml) => {
    expect((await read(yaml)).plugins).toEqual({});
  });

  test('may be the whole file', async () => {
    expect(Object.keys((await read(entry(''))).plugins)).toEqual([`${type}/A`]);
  });

  test('R-HOST-64 tells all its problems at once, and no value', async () => {
    const error = await refusal(
      `plugins:\n${entry(', version: 2, secret: s3cret')}${entry(', args: {s3cret: 1}')}  - {name: B, type: s3, version: two}\n`,
    );
    expect(error.code).toBe('ERR_OPTIONS');
    expect(error.details.problems).toEqual([
      { path: 'plugins[0].secret', problem: 'is not known' },
      { path: 'plugins[1].args', problem: 'must be a list of texts' },
      { path: 'plugins[2].version', problem: 'must be a whole number' },
    ]);
    expect(error.message).not.toContain('s3cret');
  });

  test.each([
    ['that is no list', 'plugins: OPENBAO', /plugins must be a list/],
    ['that is no YAML', 'plugins: [a\nsecret: s3cret', /not valid YAML: \w+ in line \d$/],
    ['with an alias too many', 'plugins: *s3cret', /not valid YAML/],
    ['that lacks a checksum it must have', `- {name: A, type: ${type}, path: /a}`, /plugins\[0\]\.checksum is missing/],
  ])('%s is refused', async (_name, yaml, message) => {
    const error = await refusal(yaml, { requireChecksums: true });
    expect(error.code).toBe('ERR_OPTIONS');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('s3cret');
  });

  test('R-HOST-64 without a checksum, is what the file holds when the list is read', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'a'), 'abc');
    const { plugins, warnings } = await read(`- {name: A, type: ${type}, path: a}`, { directory: folder.path });
    expect(plugins[`${type}/A`]).toMatchObject({
      file: join(folder.path, 'a'),
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
    expect(warnings).toEqual([`${type}/A has no checksum; it is what its file holds now`]);
  });

  test('without a checksum, and without a file', async () => {
    expect(await refusal(`- {name: A, type: ${type}, path: /nowhere/a}`)).toMatchObject({
      code: 'ERR_EXECUTABLE_NOT_FOUND',
      message: `${type}/A of the plugins list: /nowhere/a: ENOENT`,
    });
  });

  test('warns of what the plugin will not get, and of what nobody would reach', async () => {
    const { plugins, warnings } = await read(
      entry(`, env: {PLUGIN_MIN_PORT: '1', ${type}: x, A: b}, logLevel: loud`) + entry(''),
    );
    expect(plugins[`${type}/A`]).toMatchObject({ environment: { set: { A: 'b' } }, logLevel: 'info' });
    expect(warnings).toEqual([
      `${type}/A has an unknown logLevel, which counts as info`,
      `${type}/A does not get "PLUGIN_MIN_PORT": it is go-plugin's; the host sets it`,
      `${type}/A does not get "${type}": it is the magic cookie; the host sets it`,
      `${type}/A is in the list twice; nobody would ever reach the second, and it is not started`,
    ]);
  });

  test('is read from a file', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'config.yaml');
    await writeFile(file, `plugins:\n${entry('')}`);
    await chmod(file, 0o400);
    expect(Object.keys((await loadPluginList(file, { contracts })).plugins)).toEqual([`${type}/A`]);
    await expect(loadPluginList(folder.path, { contracts })).rejects.toMatchObject({
      code: 'ERR_OPTIONS',
      message: `${folder.path} cannot be read: EISDIR`,
    });
    await writeFile(join(folder.path, 'large.yaml'), Buffer.alloc(4 * 1024 * 1024 + 1, '#'));
    await expect(loadPluginList(join(folder.path, 'large.yaml'), { contracts })).rejects.toMatchObject({
      message: expect.stringMatching(/large\.yaml cannot be read: EFBIG$/) as string,
    });
  });
});
