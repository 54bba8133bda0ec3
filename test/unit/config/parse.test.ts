import { inspect } from 'node:util';

import fc from 'fast-check';
import { stringify } from 'yaml';
import { z } from 'zod';

import { ConfigurationError } from '../../../src/config/configuration-error.ts';
import { configurationSchema, type PluginConfiguration } from '../../../src/config/configuration.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';
import { Secret } from '../../../src/config/secret.ts';
import { MAX_CONFIGURATION_BYTES } from '../../../src/config/yaml-text.ts';

const CANARY = 'canary-90c2';
const OPERATIONS = { type: 'KeystoreInstanceKeyOperation' } as const;
const PROVIDER = { type: 'KeystoreProvider' } as const;

const parse = (text: string): PluginConfiguration => parseConfiguration(text, OPERATIONS);

function failure(text: string, options: Parameters<typeof parseConfiguration>[1] = OPERATIONS): ConfigurationError {
  try {
    parseConfiguration(text, options);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('expected a ConfigurationError');
}

const paths = (text: string): string[] => failure(text).problems.map(({ path }) => path);

const APPROLE = `
openbao: { addresses: ['https://bao.example.com:8200'] }
auth:
  method: approle
  roleId: role-1
  secretId: { source: file, file: { path: /run/secret-id } }
`;

describe('parseConfiguration', () => {
  test.each(['', '\n', '# nothing\n', '---\n', '{}', 'null'])('R-CONF-01 %j means every default', (text) => {
    const { limits: completed, ...rest } = parse(text);
    expect(rest).toEqual({
      development: false,
      openbao: { addresses: [], namespace: '', transitMount: 'transit', allowedAddresses: [] },
      auth: { method: 'callCertificate', mount: 'cert' },
      keys: { deletion: 'softDelete' },
      crypto: {},
      audit: { level: 'none', detail: 'call', keyNames: 'plain', salt: '' },
    });
    expect(completed).toMatchObject({ readBudgetMs: 1200, loginBudgetMs: 5000 });
  });

  test('R-CONF-01 a part that is given keeps the defaults of the rest', () => {
    expect(parse('auth: { mount: certs }').auth).toEqual({ method: 'callCertificate', mount: 'certs' });
    expect(parse('openbao: { namespace: a/b }').openbao).toMatchObject({ namespace: 'a/b', transitMount: 'transit' });
    expect(parse('limits: { maxSessions: 7 }').limits).toMatchObject({ maxSessions: 7, readBudgetMs: 1200 });
  });

  test('reads a complete document', () => {
    const configuration = parse(`
development: false
openbao:
  addresses: ['https://a.bao.example.com:8200', 'https://b.bao.example.com:8200']
  namespace: tenants/one
  transitMount: kms/transit
  ca: { source: file, file: { path: /etc/ca.pem, format: binary } }
  serverName: bao.example.com
  allowedAddresses:
    - pattern: https://*.customer.example:8200
      ca: { value: 'PEM' }
      privateAddresses: true
auth:
  method: approle
  mount: machines/approle
  roleId: { source: env, env: ROLE_ID }
  secretId: { source: file, file: { path: /run/secret.json, format: json, jsonPath: $.secret_id } }
keys: { maxVersions: 5 }
crypto: { testKey: probe.1 }
`);
    expect(configuration.openbao).toMatchObject({
      ca: { source: 'file', file: { path: '/etc/ca.pem' } },
      allowedAddresses: [
        { pattern: 'https://*.customer.example:8200', ca: { source: 'embedded' }, privateAddresses: true },
      ],
    });
    expect(configuration.auth).toEqual({
      method: 'approle',
      mount: 'machines/approle',
      roleId: { source: 'env', env: 'ROLE_ID' },
      secretId: { source: 'file', file: { path: '/run/secret.json', format: 'json', jsonPath: '$.secret_id' } },
    });
    expect(configuration.keys.maxVersions).toBe(5);
  });

  test('the result is frozen all through', () => {
    const unfrozen = (value: unknown): boolean =>
      typeof value === 'object' &&
      value !== null &&
      !(value instanceof Secret) &&
      (!Object.isFrozen(value) || Object.values(value).some(unfrozen));
    expect(unfrozen(parse(APPROLE))).toBe(false);
  });

  test('R-CONF-03 every problem of a text is in one answer, with its path', () => {
    const problems = paths(`
development: 3
zz: 1
openbao:
  addresses: ['http://bao.example.com', 3, 'https://u:p@x']
  nope: 1
  ca: { source: file, file: { path: relative } }
  serverName: 'UPPER'
  allowedAddresses: [{ pattern: 'https://*' }, {}, { pattern: 'http://x.example' }]
auth: { method: approle, roleId: { source: zap }, secretId: { value: x } }
limits: { readBudgetMs: 1, connectTimeoutMs: 1.5, foo: 1 }
keys: { maxVersions: 0 }
`);
    expect(problems.sort()).toEqual(
      [
        'development',
        'zz',
        'openbao.addresses[0]',
        'openbao.addresses[1]',
        'openbao.addresses[2]',
        'openbao.nope',
        'openbao.ca.file.path',
        'openbao.serverName',
        'openbao.allowedAddresses[0].pattern',
        'openbao.allowedAddresses[1].pattern',
        'openbao.allowedAddresses[2].pattern',
        'auth.roleId.source',
        'auth.secretId.source',
        'limits.readBudgetMs',
        'limits.connectTimeoutMs',
        'limits.foo',
        'keys.maxVersions',
      ].sort(),
    );
  });

  test('R-CONF-03 the message names the first twenty and counts the rest', () => {
    const { message, problems } = failure(Array.from({ length: 30 }, (_, index) => `key${index}: 1`).join('\n'));
    expect(problems).toHaveLength(30);
    expect(message).toContain('key19: unknown key; and 10 more');
  });

  test.each([
    ['supported: 1', 'supported'],
    ['openbao: { address: x }', 'openbao.address'],
    ['auth: { roleId: x }', 'auth.roleId'],
    ['auth: { method: approle, tokenPath: x }', 'auth.tokenPath'],
    ['keys: { allowed: eu }', 'keys.allowed'],
    ['batching: { enabled: true }', 'batching'],
    ['__proto__: { development: true }', '__proto__'],
    ['constructor: 1', 'constructor'],
    ['openbao: { __proto__: { namespace: x } }', 'openbao.__proto__'],
    ['openbao: { ca: { __proto__: { value: x } } }', 'openbao.ca.__proto__'],
    ['auth: { __proto__: { method: approle } }', 'auth.__proto__'],
    ['"a\\nb": 1', '"a?b"'],
    ['<<: { development: true }', '"<<"'],
  ])('R-CONF-02 %s has an unknown key', (text, path) => {
    expect(failure(text).problems).toContainEqual({ path, message: 'unknown key' });
  });

  test('R-CONF-09 the key that CMK merges is tolerated in provider entries and nowhere else', () => {
    const merged = `
supportedregions:
  source: embedded
  env: ''
  file: { path: '', format: '', jsonPath: '' }
  value: '{"regions":[]}'
`;
    expect(parseConfiguration(merged, PROVIDER)).toEqual(parseConfiguration('', PROVIDER));
    expect(failure(merged).problems).toEqual([{ path: 'supportedregions', message: 'unknown key' }]);
    expect(failure('supportedRegions: 1', PROVIDER).problems).toEqual([
      { path: 'supportedRegions', message: 'unknown key' },
    ]);
    expect(failure('auth: { supportedregions: 1 }', PROVIDER).problems[0]?.path).toBe('auth.supportedregions');
  });

  test.each([
    ['http without development', `openbao: { addresses: ['http://127.0.0.1:8200'] }`, 'openbao.addresses[0]'],
    [
      'http that is not loopback',
      `{ development: true, openbao: { addresses: ['http://bao.example.com'] } }`,
      'openbao.addresses[0]',
    ],
    [
      'an http pattern',
      `openbao: { allowedAddresses: [{ pattern: 'http://localhost:1' }] }`,
      'openbao.allowedAddresses[0].pattern',
    ],
    [
      'an http pattern with a wildcard',
      `{ development: true, openbao: { allowedAddresses: [{ pattern: 'http://*.localhost' }] } }`,
      'openbao.allowedAddresses[0].pattern',
    ],
  ])('R-CONF-05 %s is refused', (_name, text, path) => {
    expect(paths(text)).toEqual([path]);
  });

  test('R-CONF-05 http to a loopback address is for development', () => {
    const text = `{ development: true, openbao: { addresses: ['http://127.0.0.1:8200', 'http://[::1]:8200'] } }`;
    expect(parse(text).openbao.addresses).toHaveLength(2);
  });

  test.each(['{ value: x }', '{ source: embedded, value: x }', '{ source: env, env: SECRET }'])(
    'R-CONF-06 a secret id as %s needs development',
    (secretId) => {
      const text = APPROLE.replace(/secretId: .*/, `secretId: ${secretId}`);
      expect(paths(text)).toEqual(['auth.secretId.source']);
      expect(parse(`development: true\n${text}`).auth.method).toBe('approle');
    },
  );

  test('R-CONF-06 a role id is no secret', () => {
    for (const roleId of ['plain', '{ value: x }', '{ source: env, value: ROLE }']) {
      expect(parse(APPROLE.replace('role-1', roleId)).auth.method).toBe('approle');
    }
  });

  test('R-CONF-07 a process identity without an address to send it to is refused', () => {
    expect(paths(APPROLE.replace(/openbao: .*/, ''))).toEqual(['openbao.addresses']);
  });

  test.each([
    ['auth: { method: token }', 'auth.method'],
    ['auth: { method: approle, roleId: 3, secretId: { source: file, file: { path: /x } } }', 'auth.roleId'],
    [`openbao: { addresses: ['https://a.example', 'https://A.example:443/'] }`, 'openbao.addresses[1]'],
    ['openbao: { namespace: a/../b }', 'openbao.namespace'],
    ['openbao: { transitMount: /transit }', 'openbao.transitMount'],
    ['openbao: { transitMount: "" }', 'openbao.transitMount'],
    ['auth: { mount: "a b" }', 'auth.mount'],
    ['openbao: { ca: {} }', 'openbao.ca.value'],
    ['openbao: { ca: { source: env } }', 'openbao.ca.env'],
    ['openbao: { ca: { source: file } }', 'openbao.ca.file.path'],
    ['openbao: { ca: { source: file, file: { path: /x, jsonPath: $.a } } }', 'openbao.ca.file.jsonPath'],
    [
      'openbao: { ca: { source: file, file: { path: /x, format: json, jsonPath: "$..a" } } }',
      'openbao.ca.file.jsonPath',
    ],
    ['crypto: { testKey: "../x" }', 'crypto.testKey'],
    ['openbao:', 'openbao'],
    ['development: "true"', 'development'],
    ['- a', ''],
    ['text', ''],
  ])('R-CONF-04 %s is refused at its path', (text, path) => {
    expect(paths(text)).toContain(path);
  });

  const limits = z.toJSONSchema(configurationSchema, { io: 'input' }).properties!.limits as {
    properties: Record<string, { minimum: number; maximum: number; default: number }>;
  };

  test.each(Object.entries(limits.properties))(
    'R-CONF-12 limits.%s keeps its range',
    (name, { minimum, maximum, ...rest }) => {
      const room: Partial<Record<string, string>> = {
        maxAnswerBytes: ', maxPlaintextBytes: 1',
        maxPlaintextBytes: ', maxAnswerBytes: 67108864',
      };
      const with_ = (value: number): string => `limits: { ${name}: ${value}${room[name] ?? ''} }`;
      expect(rest.default).toBeGreaterThanOrEqual(minimum);
      expect(rest.default).toBeLessThanOrEqual(maximum);
      expect(parse(with_(minimum)).limits).toMatchObject({ [name]: minimum });
      expect(parse(with_(maximum)).limits).toMatchObject({ [name]: maximum });
      for (const value of [minimum - 1, maximum + 1, minimum + 0.5])
        expect(paths(with_(value))).toEqual([`limits.${name}`]);
    },
  );

  test.each(['maxAnswerBytes: 1000000', 'maxPlaintextBytes: 4000000'])(
    'R-CONF-22 %s leaves no room for the answer to the largest plaintext',
    (limit) => {
      expect(paths(`limits: { ${limit} }`)).toEqual(['limits.maxAnswerBytes']);
    },
  );

  test.each([
    ['two documents', 'a: 1\n---\nb: 2', 'line 2'],
    ['a repeated key', 'development: true\nopenbao: {}\ndevelopment: false', 'line 3'],
    ['a repeated key further down', 'openbao:\n  namespace: a\n  namespace: b', 'line 3'],
    ['an unknown tag', `development: !!js/function ${CANARY}`, 'line 1'],
    ['an open quote', `\n\na: "${CANARY}`, 'line 3'],
    ['a key that is a list', '? [a]\n: b', 'line 1'],
    ['an alias without an anchor', `a: *${CANARY}`, ''],
    ['tabs', 'a:\n\tb: 1', 'line 2'],
  ])('R-CONF-08 %s is refused by line, without quoting it', (_name, text, path) => {
    const error = failure(text);
    expect(error.problems[0]?.path).toBe(path);
    expect(error.message).not.toContain(CANARY);
  });

  test.each([
    ['a text over the limit', 'a'.repeat(MAX_CONFIGURATION_BYTES + 1)],
    ['deep nesting', '['.repeat(200_000)],
    ['many keys', Array.from({ length: 80_000 }, (_, index) => `k${index}: 1`).join('\n')],
    [
      'aliases of aliases',
      Array.from(
        { length: 30 },
        (_, index) => `a${index}: &a${index} [${index === 0 ? '1' : `*a${index - 1},`.repeat(9)}]`,
      ).join('\n'),
    ],
  ])('R-CONF-08 %s is refused and does not hold up the process', (_name, text) => {
    const started = performance.now();
    expect(failure(text).problems.length).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test('R-CONF-04 no problem quotes a value, wherever it is', () => {
    const value = fc.constantFrom<unknown>(CANARY, [CANARY], { [CANARY]: 1 }, `http://${CANARY}`, -1, null);
    const names = [
      'development',
      'openbao',
      'auth',
      'keys',
      'limits',
      'crypto',
      'addresses',
      'ca',
      'method',
      'mount',
      'roleId',
      'secretId',
      'source',
      'value',
      'file',
      'path',
      'allowedAddresses',
      'pattern',
      'maxSessions',
      'testKey',
    ];
    const member = fc.dictionary(
      fc.constantFrom(...names),
      fc.oneof(value, fc.dictionary(fc.constantFrom(...names), value), fc.array(value, { maxLength: 2 })),
    );
    const document = fc.dictionary(fc.constantFrom(...names), fc.oneof(value, member));
    fc.assert(
      fc.property(document, (content) => {
        try {
          parse(stringify(content));
        } catch (error) {
          if (!(error instanceof ConfigurationError)) throw error;
          // A key that is unknown is named; that is the one thing of the text that is shown.
          const told = error.problems.filter(({ message }) => message !== 'unknown key');
          expect(JSON.stringify(told.map(({ message }) => message))).not.toContain(CANARY);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('R-SEC-02 an embedded secret does not show in a dump of the configuration', () => {
    const text = `development: true\n${APPROLE.replace(/secretId: .*/, `secretId: { value: ${CANARY} }`)}`;
    const configuration = parse(text);
    expect(`${inspect(configuration, { depth: 9 })}${JSON.stringify(configuration)}`).not.toContain(CANARY);
  });

  test('R-CONF-13 the JSON Schema is of the same definition: the names and defaults of what parsing returns', () => {
    const schema = z.toJSONSchema(configurationSchema, { io: 'input' });
    // What has no default is not there unless it is written.
    expect(Object.keys(schema.properties!).sort()).toEqual([...Object.keys(parse('')), 'provider'].sort());
    expect(schema.additionalProperties).toBe(false);
    const defaults = Object.fromEntries(
      Object.entries(limits.properties).map(([name, { default: value }]) => [name, value]),
    );
    expect(parse('').limits).toEqual(defaults);
  });

  test('any text ends in a configuration or a ConfigurationError', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'openbao:',
        '\n',
        '  ',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '&a',
        '*a',
        '!!x',
        '"',
        "'",
        '|',
        '>',
        '?',
        '---',
        '%',
        '#',
        ': ',
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join('')),
        (text) => {
          try {
            parse(text);
          } catch (error) {
            if (!(error instanceof ConfigurationError)) throw error;
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
