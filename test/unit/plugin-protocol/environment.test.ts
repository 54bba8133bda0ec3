import fc from 'fast-check';
import {
  buildPluginEnvironment,
  PLUGIN_VARIABLES,
  readPluginEnvironment,
} from '../../../plugin-protocol/environment.ts';
import { negotiateVersion } from '../../../plugin-protocol/versions.ts';
import { protocolErrorOf } from '../../support/protocol-error.ts';
import { ENVIRONMENTS } from '../../vectors/protocol.ts';

test.each(ENVIRONMENTS.good)('reads: $name', ({ variables, environment }) => {
  expect(readPluginEnvironment(variables)).toStrictEqual(environment);
});

test.each(ENVIRONMENTS.bad)('refuses: $name', ({ variables, code, message }) => {
  const error = protocolErrorOf(() => readPluginEnvironment(variables));
  expect(error?.code).toBe(code);
  expect(error?.message).toContain(message);
});

test.each(ENVIRONMENTS.good.filter(({ build }) => build !== undefined))('H1: builds: $name', ({ build, variables }) => {
  expect(buildPluginEnvironment(build!)).toStrictEqual(variables);
});

test.each(ENVIRONMENTS.impossibleCookieKeys)('refuses the cookie name %j', (cookieKey) => {
  const build = () => buildPluginEnvironment({ cookieKey, cookieValue: 'x', protocolVersions: [1] });
  expect(protocolErrorOf(build)?.code).toBe('ERR_ENVIRONMENT');
});

test('what a host builds, a plugin reads, and nothing asks for multiplexing', () => {
  const text = fc.string({ minLength: 1 });
  const options = fc.record(
    {
      cookieKey: fc.stringMatching(/^[A-Za-z]{1,20}$/),
      cookieValue: fc.string(),
      protocolVersions: fc.uniqueArray(fc.nat(99), { minLength: 1 }),
      clientCertificatePem: text,
      unixSocketDir: text,
      unixSocketGroup: text,
    },
    { requiredKeys: ['cookieKey', 'cookieValue', 'protocolVersions'] },
  );
  fc.assert(
    fc.property(options, (given) => {
      const { cookieKey, cookieValue, protocolVersions, ...others } = given;
      const variables = buildPluginEnvironment(given);
      expect(variables[cookieKey]).toBe(cookieValue);
      expect([cookieKey, ...PLUGIN_VARIABLES]).toEqual(expect.arrayContaining(Object.keys(variables)));
      const { protocolVersions: announced, ...read } = readPluginEnvironment(variables);
      expect(read).toStrictEqual({ minPort: 10_000, maxPort: 25_000, multiplexing: '', ...others });
      expect(negotiateVersion(protocolVersions, announced)).toBe(Math.max(...protocolVersions));
    }),
  );
});
