import { dirname } from 'node:path';

import { keystoreContract, keystoreProviderContract } from '../../../keystore-contract/host-contract.ts';
import { PluginHostError, readPluginList, startPluginHost } from '../../../plugin-host/index.ts';
import { recordLog } from '../../process/plugin-host/host-fixture.ts';
import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { startCatalogHost, type CatalogHost } from '../../support/go-catalog.ts';
import { buildGoPrograms, describeWithGo } from '../../support/go.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const BUILD_MS = 600_000;
const contracts = [keystoreContract, keystoreProviderContract];

/** An entry that is good; what a case gives comes in place of it, or after it. */
const GOOD: Readonly<Record<string, string>> = {
  name: 'OPENBAO',
  type: 'KeystoreInstanceKeyOperation',
  path: '$PATH',
};

type Case = readonly [what: string, lines: readonly string[], verdict: 'accepted' | 'refused'];

const CASES: readonly Case[] = [
  ['the smallest entry', [], 'accepted'],
  ['every key', ['args: [serve]', 'env: {A_B: c}', 'version: 1', 'logLevel: warn', 'tags: [hyok]'], 'accepted'],
  ['keys in another case', ['LOGLEVEL: info', 'YamlConfiguration: ""', 'DISABLED: false'], 'accepted'],
  ['empty values', ['args:', 'env:', 'checksum:', 'version:', 'tags:', 'disabled:', 'logLevel:'], 'accepted'],
  ['white space for a configuration', ['yamlConfiguration: "  \\n "'], 'accepted'],
  ['the right checksum', ['checksum: $SHA256'], 'accepted'],
  ['the right checksum in capitals', ['checksum: $UPPER'], 'accepted'],
  ['a version as a text', ['version: "1"'], 'accepted'],
  ['a version in hexadecimal', ['version: "0x1"'], 'accepted'],
  ['version 0', ['version: 0'], 'accepted'],
  ['true for a version', ['version: true'], 'accepted'],
  ['one argument that is no list', ['args: serve'], 'accepted'],
  ['numbers and truths as arguments', ['args: [1, true]'], 'accepted'],
  ['a number as a variable', ['env: {WORKERS: 4}'], 'accepted'],
  ['tags in one text', ['tags: hyok,default_keystore'], 'accepted'],
  ['a level nobody knows', ['logLevel: loud'], 'accepted'],
  ['a name that is a number', ['name: 7'], 'accepted'],
  [
    'disabled, and wrong in everything but its form',
    ['disabled: true', 'type: Other', 'checksum: x', 'version: 9'],
    'accepted',
  ],
  ['disabled as a text', ['disabled: "T"', 'type: Other'], 'accepted'],
  ['disabled as a number', ['disabled: 1', 'type: Other'], 'accepted'],
  ['a number too large for a float as a variable', ['env: {SERIAL: 12345678901234567890}'], 'accepted'],
  ['numbers with an exponent as arguments', ['args: [1e21, 0.0000001, 1.5]'], 'accepted'],
  ['an empty list of variables', ['env: []'], 'accepted'],
  ['variables in a list of mappings', ['env: [{A: b}, {C: d}]'], 'accepted'],
  ['an empty mapping for arguments', ['args: {}'], 'accepted'],
  ['a merge key', ['<<: {logLevel: warn, args: [a]}'], 'accepted'],
  ['an unknown key', ['checkSum256: x'], 'refused'],
  ['an unknown key of a disabled entry', ['disabled: true', 'comment: x'], 'refused'],
  ['another type', ['type: KeystoreOperation'], 'refused'],
  ['a type in another case', ['type: keystoreinstancekeyoperation'], 'refused'],
  ['no type', ['type: ""'], 'refused'],
  ['no name', ['name: ""'], 'refused'],
  ['no path', ['path: ""'], 'refused'],
  ['a path that leads nowhere', ['path: $PATH-1'], 'refused'],
  ['a path that leads nowhere, with a checksum', ['path: $PATH-1', 'checksum: $SHA256'], 'refused'],
  ['another checksum', [`checksum: ${'0'.repeat(64)}`], 'refused'],
  ['a checksum that is too short', ['checksum: "00"'], 'refused'],
  ['a checksum with a blank', ['checksum: " $SHA256"'], 'refused'],
  ['a checksum that is no hexadecimal number', [`checksum: ${'z'.repeat(64)}`], 'refused'],
  ['version 2', ['version: 2'], 'refused'],
  ['a negative version', ['version: -1'], 'refused'],
  ['a version that is no number', ['version: one'], 'refused'],
  ['a list for a name', ['name: [a, b]'], 'refused'],
  ['a mapping as an argument', ['args: [{a: b}]'], 'refused'],
  ['a mapping for arguments', ['args: {a: b}'], 'refused'],
  ['a list for variables', ['env: [A=b]'], 'refused'],
  ['a mapping for a configuration', ['yamlConfiguration: {openbao: {}}'], 'refused'],
  ['a configuration that the plugin refuses', ['yamlConfiguration: "nothing: known"'], 'refused'],
  ['neither true nor false', ['disabled: "yes"'], 'refused'],
  ['no YAML', ['tags: [hyok'], 'refused'],
  ['a key that is repeated', ['version: 1', 'version: 1'], 'refused'],
  ['an entry that is no mapping', ['- a text'], 'refused'],
];

describeWithGo('L7 R-HOST-64 a plugins list is accepted and refused as by the Go catalog:', () => {
  let catalogs: CatalogHost;
  let sockets: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    sockets = await temporaryFolder();
    catalogs = startCatalogHost(buildGoPrograms(), { PATH: process.env.PATH ?? '', TMPDIR: sockets.path });
  }, BUILD_MS);

  afterAll(async () => {
    await catalogs[Symbol.asyncDispose]();
    await sockets[Symbol.asyncDispose]();
  });

  /** As CMK does: its loader, then the catalog. */
  async function catalogVerdict(yaml: string): Promise<Case[2]> {
    const decoded = await catalogs.decode(yaml);
    if (decoded.error !== '') return 'refused';
    const catalog = catalogs.catalog();
    const { error } = await catalog.load(...decoded.plugins);
    await catalog.close();
    return error === '' ? 'accepted' : 'refused';
  }

  async function ourVerdict(yaml: string): Promise<Case[2]> {
    try {
      const { plugins } = await readPluginList(yaml, { contracts });
      await using host = await startPluginHost({
        directory: dirname(builtPlugin()),
        socketDirectory: sockets.path,
        logger: recordLog([]),
        plugins: Object.fromEntries(
          Object.entries(plugins).map(([key, one]) => [key, { ...one, restart: { maxRestarts: 0 } }]),
        ),
      });
      for (const key of Object.keys(plugins)) await host.plugin(key).ready();
      return 'accepted';
    } catch (error) {
      if (error instanceof PluginHostError) return 'refused';
      throw error;
    }
  }

  test.each(CASES)('%s', async (_what, lines, verdict) => {
    const yaml = listOf(lines);
    expect({ catalog: await catalogVerdict(yaml), ours: await ourVerdict(yaml) }).toEqual({
      catalog: verdict,
      ours: verdict,
    });
  });

  test.each(CASES.filter(([, , verdict]) => verdict === 'accepted'))(
    'what is understood of %s',
    async (_what, lines) => {
      const yaml = listOf(lines);
      const { plugins } = await catalogs.decode(yaml);
      const { entries } = await readPluginList(yaml, { contracts });
      const enabled = plugins.filter(({ disabled }) => disabled !== true);
      expect(entries.map(({ name, contract, options }) => ({ name, type: contract.type, path: options.file }))).toEqual(
        enabled.map(({ name, type, path }) => ({ name, type, path })),
      );
      expect(
        entries.map(({ options: { args, environment } }) => ({ args, env: lowerCased(environment?.set) })),
      ).toEqual(enabled.map(({ args, env }) => ({ args: args ?? [], env: env ?? {} })));
      expect(entries.map(({ tags }) => tags)).toEqual(enabled.map(({ tags }) => tags ?? []));
    },
  );
});

function listOf(lines: readonly string[]): string {
  const given = new Set(lines.map((line) => line.split(':')[0]));
  const entry = Object.entries(GOOD).filter(([key]) => !given.has(key));
  const all = lines[0]?.startsWith('- ') === true ? [] : [...entry.map(([key, value]) => `${key}: ${value}`), ...lines];
  const text = all.length === 0 ? `plugins:\n  ${lines.join('\n')}` : `plugins:\n  - ${all.join('\n    ')}`;
  return text
    .replaceAll('$PATH', builtPlugin())
    .replaceAll('$SHA256', sha256(builtPlugin()))
    .replaceAll('$UPPER', sha256(builtPlugin()).toUpperCase());
}

/** Names of variables are in lower case when CMK's loader has read them. */
function lowerCased(set: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(set).map(([name, value]) => [name.toLowerCase(), value]));
}
