import { stringify } from 'yaml';

import type { PluginType } from '../../../keystore-contract/plugin-types.ts';
import { ConfigurationError } from '../../../src/config/configuration-error.ts';
import type { PluginConfiguration } from '../../../src/config/configuration.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';

const ADDRESSES = { addresses: ['https://bao.example.com:8200'] };
const APPROLE = { method: 'approle', roleId: 'r', secretId: { source: 'file', file: { path: '/run/secret-id' } } };
const CA = { source: 'file', file: { path: '/etc/ca.pem' } };

const document = (provider: object, changes: object = {}): object => ({
  openbao: ADDRESSES,
  auth: APPROLE,
  provider: { ca: CA, ...provider },
  ...changes,
});

const parse = (value: object, type: PluginType = 'KeystoreProvider'): PluginConfiguration =>
  parseConfiguration(stringify(value), { type });

function problems(value: object, type: PluginType = 'KeystoreProvider'): [path: string, message: string][] {
  try {
    parse(value, type);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ path, message }) => [path, message]);
    throw error;
  }
  return [];
}

const paths = (value: object): string[] => problems(value).map(([path]) => path);

describe('provider', () => {
  test('R-PROVIDER-20 has a default for everything but its authorities', () => {
    expect(parse(document({})).provider).toEqual({
      isolation: 'namespace',
      namePrefix: 'openkcm-',
      ca: { source: 'file', file: { path: '/etc/ca.pem' } },
      authMount: 'cert',
      tokenTtl: '1h',
      tokenMaxTtl: '4h',
      setupBudgetMs: 30_000,
    });
    expect(problems({ ...document({}), provider: {} })).toEqual([['provider.ca', 'is missing']]);
    expect(parse({}).provider).toBeUndefined();
  });

  test('R-PROVIDER-20 is refused for another plugin type, by name', () => {
    expect(problems(document({}), 'KeystoreInstanceKeyOperation')).toEqual([
      ['provider', 'is for the plugin type KeystoreProvider only'],
    ]);
  });

  test.each([
    ['none', undefined],
    ['the default', {}],
    ['callCertificate', { method: 'callCertificate' }],
  ])('R-PROVIDER-20 needs an identity of the process: auth %s', (_, auth) => {
    expect(paths(document({}, { auth }))).toEqual(['auth.method']);
  });

  test('R-PROVIDER-20 needs addresses', () => {
    expect(paths(document({ address: 'https://public.example' }, { openbao: {} }))).toEqual(['openbao.addresses']);
  });

  test.each([
    ['isolation', 'cluster'],
    ['namePrefix', ''],
    ['namePrefix', 'Upper-'],
    ['namePrefix', 'a/b'],
    ['namePrefix', 'a*'],
    ['namePrefix', '-a'],
    ['namePrefix', 'a_b'],
    ['namePrefix', 'x'.repeat(21)],
    ['authMount', 'a//b'],
    ['authMount', '../x'],
    ['address', 'bao.example.com'],
    ['address', 'http://bao.example.com'],
    ['tokenTtl', '1'],
    ['tokenTtl', '0s'],
    ['tokenTtl', '1d'],
    ['tokenTtl', '1h30m'],
    ['tokenMaxTtl', '-4h'],
    ['setupBudgetMs', 999],
    ['setupBudgetMs', 300_001],
    ['nope', 1],
  ])('R-PROVIDER-20 provider.%s is not %j', (key, value) => {
    expect(paths(document({ [key]: value }))).toEqual([`provider.${key}`]);
  });

  test.each([
    ['90s', '90s', []],
    ['60m', '1h', []],
    ['3600s', '1h', []],
    ['3601s', '1h', ['provider.tokenTtl']],
    ['5h', undefined, ['provider.tokenTtl']],
    [undefined, '30m', ['provider.tokenTtl']],
  ])('R-PROVIDER-20 a lease of %s with a maximum of %s', (tokenTtl, tokenMaxTtl, expected) => {
    expect(paths(document({ tokenTtl, tokenMaxTtl }))).toEqual(expected);
  });

  test('R-CONF-05 a plain address is for a loopback address in development', () => {
    const plain = { address: 'http://127.0.0.1:8200' };
    expect(paths(document(plain))).toEqual(['provider.address']);
    expect(parse(document(plain, { development: true })).provider?.address).toBe('http://127.0.0.1:8200');
  });
});

describe('R-PROVIDER-21 the regions that CMK merges in', () => {
  /** What CMK writes. */
  const merged = (value: unknown, source: unknown = 'embedded') => ({
    supportedregions: { source, env: '', file: { path: '', format: '', jsonPath: '' }, value },
  });
  const regions = (value: unknown): unknown => parse(merged(JSON.stringify(value))).supportedRegions;

  test('are read', () => {
    const list = [
      { name: 'eu10', technicalName: 'eu-central-1' },
      { name: 'us10', technicalName: '' },
    ];
    expect(regions({ regions: list })).toEqual(list);
    expect(regions({ regions: [{ name: 'eu10' }] })).toEqual([{ name: 'eu10', technicalName: '' }]);
    expect(regions({ regions: [{ name: 'eu10', later: true }], later: 1 })).toEqual([
      { name: 'eu10', technicalName: '' },
    ]);
  });

  test.each([
    ['an empty list', merged('{"regions":[]}')],
    ['null, as Go writes a list that was never set', merged('{"regions":null}')],
    ['no key', {}],
  ])('may be none: %s', (_, value) => {
    expect(parse(value).supportedRegions).toEqual([]);
  });

  test('are no part of another plugin type', () => {
    expect(parse({}, 'KeystoreInstanceKeyOperation')).not.toHaveProperty('supportedRegions');
  });

  test.each<[what: string, value: object, path: string]>([
    ['a text', { supportedregions: '{"regions":[]}' }, 'supportedregions'],
    ['nothing', { supportedregions: null }, 'supportedregions'],
    ['a list', { supportedregions: [] }, 'supportedregions'],
    ['another source', merged('X', 'env'), 'supportedregions'],
    ['no value', { supportedregions: { source: 'embedded' } }, 'supportedregions'],
    ['an empty value', merged(''), 'supportedregions.value'],
    ['no JSON', merged('regions: []'), 'supportedregions.value'],
    ['a bare list', merged('[]'), 'supportedregions.value'],
    ['no regions', merged('{}'), 'supportedregions.value'],
    ['a region without a name', merged('{"regions":[{"technicalName":"x"}]}'), 'supportedregions.value'],
    ['a region with an empty name', merged('{"regions":[{"name":""}]}'), 'supportedregions.value'],
    ['a region that is a text', merged('{"regions":["eu10"]}'), 'supportedregions.value'],
    ['a name that is a number', merged('{"regions":[{"name":1}]}'), 'supportedregions.value'],
    [
      'too many',
      merged(JSON.stringify({ regions: Array.from({ length: 1001 }, (_, n) => ({ name: `r${n}` })) })),
      'supportedregions.value',
    ],
  ])('are a problem of the configuration when they are malformed: %s', (_, value, path) => {
    expect(paths(value)).toEqual([path]);
  });

  test('R-CONF-03 are reported along with every other problem, and never quoted', () => {
    const found = problems({ ...merged('canary'), zz: 1 });
    expect(found.map(([path]) => path)).toEqual(['zz', 'supportedregions.value']);
    expect(JSON.stringify(found)).not.toContain('canary');
  });
});
