import { tmpdir } from 'node:os';

import type { PluginHostError } from '../../../plugin-host/errors.ts';
import { type PluginHostOptions, validateHostOptions } from '../../../plugin-host/options.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';

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
      callTimeoutMs: 10_000,
      drainTimeoutMs: 10_000,
      deinitTimeoutMs: 10_000,
      shutdownTimeoutMs: 2000,
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
        A: { contract: { type: 'PLUGIN_X', services: {} }, file: '', sha256: 'abc', restart: {}, startTimeoutMs: 0 },
        B: 'plugin',
      },
    });
    expect(problems).toEqual([
      'watch is not known',
      'directory must be a path',
      'socketDirectory must be a path',
      'logger must be a logger',
      'signal must be an AbortSignal',
      'plugins.A.restart is not known',
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
});
