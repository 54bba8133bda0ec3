import { PLUGIN_TYPES, type PluginType } from '../../../keystore-contract/plugin-types.ts';
import { selectPluginType } from '../../../src/serve/select-plugin-type.ts';

const types = Object.keys(PLUGIN_TYPES) as PluginType[];

test.each(types)('the cookie %s selects its type', (type) => {
  expect(selectPluginType({ PLUGIN_PROTOCOL_VERSIONS: '1', [type]: type, PATH: '/bin' })).toBe(type);
});

test.each(types)('P2: the cookie %s with another value counts as absent', (type) => {
  for (const value of ['', 'x', type.toLowerCase(), `${type} `])
    expect(selectPluginType({ [type]: value })).toBeUndefined();
});

test('a wrong cookie does not hide a right one', () => {
  const [first, second] = types as [PluginType, PluginType];
  expect(selectPluginType({ [first]: second, [second]: second })).toBe(second);
});

test('P1: no cookie, no type', () => {
  expect(selectPluginType({})).toBeUndefined();
  expect(
    selectPluginType({ TestService: 'TestService', toString: 'toString', constructor: 'constructor' }),
  ).toBeUndefined();
});
