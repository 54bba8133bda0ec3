import { tmpdir } from 'node:os';

import type { PluginHostError } from '../../../plugin-host/errors.ts';
import { hostService } from '../../../plugin-host/host-service.ts';
import {
  type PluginHostOptions,
  replacePlan,
  type ReplacementOptions,
  validateHostOptions,
} from '../../../plugin-host/options.ts';
import { ExtraService, testContract, TestService } from '../../fixtures/plugins/test-contract.ts';

const silent = (): void => undefined;
const logger: PluginHostOptions['logger'] = {
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  child: () => logger,
};
const sha256 = 'ab'.repeat(32);
const extra = hostService(ExtraService, { echo: (request) => request });
const entry = { contract: testContract, file: 'plugin', sha256 };

const problemsOf = (options: unknown): readonly string[] => {
  try {
    validateHostOptions(options as PluginHostOptions);
  } catch (error) {
    const { code, details } = error as PluginHostError;
    expect(code).toBe('ERR_OPTIONS');
    return details.problems?.map(({ path, problem }) => `${path} ${problem}`) ?? [];
  }
  return [];
};
const problemsOfEntry = (changes: object): readonly string[] =>
  problemsOf({ directory: '/plugins', logger, plugins: { A: { ...entry, ...changes } } });

describe('host options', () => {
  test('are completed with their defaults', () => {
    const [plan] = validateHostOptions({ directory: '/plugins', logger, plugins: { A: entry } });
    expect(plan).toEqual({
      name: 'A',
      logger,
      directory: '/plugins',
      socketDirectory: tmpdir(),
      contract: testContract,
      protocolVersions: [1],
      file: 'plugin',
      sha256,
      args: [],
      configuration: '',
      environment: { pass: [], set: {} },
      startTimeoutMs: 60_000,
      initTimeoutMs: 30_000,
      configureTimeoutMs: 30_000,
      probeTimeoutMs: 10_000,
      callTimeoutMs: 10_000,
      drainTimeoutMs: 10_000,
      deinitTimeoutMs: 10_000,
      shutdownTimeoutMs: 2000,
      brokerTimeoutMs: 5000,
      restart: {
        minBackoffMs: 250,
        maxBackoffMs: 30_000,
        stableAfterMs: 60_000,
        maxRestarts: 3,
        windowMs: 300_000,
      },
      health: { intervalMs: 30_000, timeoutMs: 5000, failures: 3 },
      hostServices: [],
      backup: undefined,
      waitForReady: true,
    });
  });

  test('are copied: a later change of the input changes nothing', () => {
    const args = ['one'];
    const [plan] = validateHostOptions({ directory: '/plugins', logger, plugins: { A: { ...entry, args } } });
    args.push('two');
    expect(plan?.args).toEqual(['one']);
  });

  test('R-HOST-11 have all their problems reported at once', () => {
    const problems = problemsOf({
      directory: '',
      logger: {},
      signal: 'now',
      socketDirectory: 7,
      watch: true,
      plugins: {
        A: { contract: { type: 'PLUGIN_X', services: {} }, file: '', sha256: 'abc', watch: {}, startTimeoutMs: 0 },
        B: 'plugin',
      },
    });
    expect(problems).toEqual([
      'watch is not known',
      'directory must be a path',
      'socketDirectory must be a path',
      'logger must be a logger',
      'signal must be an AbortSignal',
      'plugins.A.watch is not known',
      "plugins.A.contract.type is go-plugin's; the host sets it",
      'plugins.A.contract.services must name at least one service',
      'plugins.A.file must be the name of an executable',
      'plugins.A.sha256 must be the SHA-256 of the executable in 64 hex digits',
      'plugins.A.startTimeoutMs must be 1 to 600000 ms',
      'plugins.B must be an object',
    ]);
  });

  test('of no plugins at all are a problem', () => {
    expect(problemsOf({ directory: '/plugins', logger })).toEqual(['plugins must be an object of plugins by name']);
  });

  test.each([
    ['pass PLUGIN_*', { environment: { pass: ['PLUGIN_CLIENT_CERT'] } }, /PLUGIN_CLIENT_CERT.*go-plugin's/],
    ['set PLUGIN_*', { environment: { set: { PLUGIN_NEW: '1' } } }, /PLUGIN_NEW.*go-plugin's/],
    ['the cookie', { environment: { set: { TestService: 'x' } } }, /TestService.*magic cookie/],
    ['NODE_OPTIONS by inheritance', { environment: { pass: ['NODE_OPTIONS'] } }, /NODE_OPTIONS.*use set/],
    ['a name with =', { environment: { set: { 'A=B': '1' } } }, /no name of an environment variable/],
    ['a value with NUL', { environment: { set: { A: '\0' } } }, /environment\.set\.A must be a string/],
    ['pass no list', { environment: { pass: 'PATH' } }, /environment\.pass must be a list/],
    ['another environment key', { environment: { inherit: true } }, /environment\.inherit is not known/],
    ['args no list', { args: '--all' }, /args must be a list/],
    ['an argument with NUL', { args: ['a\0b'] }, /args must be a list/],
    ['configuration no text', { configuration: { key: 1 } }, /configuration must be a string/],
    ['Init over ten minutes', { initTimeoutMs: 600_001 }, /initTimeoutMs must be 1 to 600000 ms/],
    ['a time that is none', { callTimeoutMs: Number.NaN }, /callTimeoutMs must be/],
    ['no options for restarts', { restart: 3 }, /restart must be an object/],
    ['an unknown one', { restart: { retries: 3 } }, /restart\.retries is not known/],
    ['a fraction of a restart', { restart: { maxRestarts: 0.5 } }, /restart\.maxRestarts must be 0 to 1000/],
    ['a back-off of nothing', { restart: { minBackoffMs: 0 } }, /restart\.minBackoffMs must be 1 to 3600000 ms/],
    ['a back-off that begins above its end', { restart: { maxBackoffMs: 100 } }, /minBackoffMs must not exceed max/],
    ['no checks of health', { health: { failures: 0 } }, /health\.failures must be 1 to 1000/],
    ['a health of words', { health: 'good' }, /health must be an object/],
    ['a backup that is no name', { backup: {} }, /backup must be the name of another plugin/],
    ['a backup that is not there', { backup: 'B' }, /backup must be the name of another plugin/],
    ['itself as backup', { backup: 'A' }, /backup must be the name of another plugin/],
    ['host services that are no list', { hostServices: {} }, /hostServices must be a list of host services/],
    [
      'one without handlers',
      { hostServices: [{ definition: TestService }] },
      /hostServices must be made by hostService/,
    ],
    ['one without a name', { hostServices: [hostService({}, {})] }, /hostServices must be made by hostService/],
    ['one that is none', { hostServices: [null] }, /hostServices must be made by hostService/],
    ['one twice', { hostServices: [extra, extra] }, /hostServices must not name a service twice/],
    ['waiting that is not true or false', { waitForReady: 1 }, /waitForReady must be true or false/],
    ['no versions', { contract: { ...testContract, protocolVersions: [] } }, /protocolVersions must be a list/],
    ['a service without methods', { contract: { type: 'T', services: { a: { definition: {} } } } }, /services\.a\.def/],
  ])('refuse %s', (_name, changes, expected) => {
    const problems = problemsOfEntry(changes);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
  });

  test('accept NODE_OPTIONS that is set, and digits of either case', () => {
    expect(
      problemsOfEntry({ environment: { set: { NODE_OPTIONS: '--no-warnings' } }, sha256: 'AB'.repeat(32) }),
    ).toEqual([]);
  });

  test.each([
    ['with a backup of its own', { ...entry, backup: 'A' }, /A\.backup must be a plugin without a backup of its own/],
    [
      'with another contract',
      { ...entry, contract: { ...testContract, type: 'Other' } },
      /A\.backup must be a plugin with the same contract/,
    ],
  ])('R-HOST-11 refuse a backup %s', (_name, backup, expected) => {
    const plugins = { A: { ...entry, backup: 'B' }, B: backup };
    expect(problemsOf({ directory: '/plugins', logger, plugins })[0]).toMatch(expected);
  });

  test('accept a backup whose contract is another object with the same services', () => {
    const contract = { ...testContract, services: { ...testContract.services } };
    const plugins = { A: { ...entry, backup: 'B' }, B: { ...entry, contract } };
    expect(problemsOf({ directory: '/plugins', logger, plugins })).toEqual([]);
  });
});

describe('options of a replacement', () => {
  const [plan] = validateHostOptions({
    directory: '/plugins',
    logger,
    plugins: { A: { ...entry, args: ['one'], configuration: 'a: 1', restart: { maxRestarts: 7 } } },
  });

  test('change what they name and nothing else', () => {
    const changed = replacePlan(plan!, { file: 'other', sha256: 'cd'.repeat(32), initTimeoutMs: 5 });
    expect(changed).toEqual({ ...plan, file: 'other', sha256: 'cd'.repeat(32), initTimeoutMs: 5 });
    expect(replacePlan(plan!, { configuration: '' }).configuration).toBe('');
    expect(replacePlan(plan!, { environment: { pass: ['TZ'] } }).environment).toEqual({ pass: ['TZ'], set: {} });
  });

  test.each([
    ['a file without its sum', { file: 'other' }, 'plugins.A.sha256 must come with file'],
    ['a bad sum', { sha256: 'x' }, 'plugins.A.sha256 must be the SHA-256 of the executable in 64 hex digits'],
    ['another contract', { contract: testContract }, 'plugins.A.contract is not known'],
    ['other restarts', { restart: {} }, 'plugins.A.restart is not known'],
    ['nothing at all', null, 'plugins.A must be an object'],
    ['args no list', { args: 'x' }, 'plugins.A.args must be a list of strings'],
  ])('R-HOST-11 refuse %s', (_name, changes, problem) => {
    const refused = expect.objectContaining({ code: 'ERR_OPTIONS', message: `replacement: ${problem}` }) as Error;
    expect(() => replacePlan(plan!, changes as ReplacementOptions)).toThrow(refused);
  });
});
