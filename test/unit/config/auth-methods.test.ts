import { inspect } from 'node:util';

import { stringify } from 'yaml';

import { ConfigurationError } from '../../../src/config/configuration-error.ts';
import type { PluginConfiguration } from '../../../src/config/configuration.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';
import { processLogin } from '../../../src/config/process-login.ts';

type Auth = Readonly<Record<string, unknown>>;

const CANARY = 'canary-5f1e';
const TYPE = { type: 'KeystoreInstanceKeyOperation' } as const;
const OPENBAO = { addresses: ['https://bao.example.com:8200'] };

const file = (path: string) => ({ source: 'file', file: { path } });

const METHODS = {
  approle: { method: 'approle', roleId: 'role-1', secretId: file('/run/secret-id') },
  wrapped: { method: 'approle', roleId: 'role-1', role: 'cmk', secretIdWrapped: file('/run/wrapped') },
  kubernetes: { method: 'kubernetes', role: 'cmk' },
  jwt: { method: 'jwt', tokenPath: '/run/token' },
  cert: { method: 'cert', certificate: file('/run/tls.crt'), key: file('/run/tls.key') },
} satisfies Record<string, Auth>;

function parse(auth: Auth, others: Readonly<Record<string, unknown>> = {}): PluginConfiguration['auth'] {
  return parseConfiguration(stringify({ openbao: OPENBAO, auth, ...others }), TYPE).auth;
}

function problems(auth: Auth, others: Readonly<Record<string, unknown>> = {}): (readonly [string, string])[] {
  try {
    parse(auth, others);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ path, message }) => [path, message]);
    throw error;
  }
  return [];
}

describe('the method of a login', () => {
  test.each<[string, Auth, object]>([
    [
      'kubernetes',
      METHODS.kubernetes,
      { mount: 'kubernetes', tokenPath: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    ],
    ['jwt', METHODS.jwt, { mount: 'jwt', tokenPath: '/run/token' }],
    ['cert', METHODS.cert, { mount: 'cert', key: { source: 'file', file: { path: '/run/tls.key' } } }],
    ['approle with a wrapped secret id', METHODS.wrapped, { mount: 'approle', role: 'cmk' }],
  ])('R-AUTH-40 %s has its defaults', (_name, auth, expected) => {
    expect(parse(auth)).toMatchObject(expected);
  });

  test('R-AUTH-40 any other is refused by name', () => {
    expect(problems({ method: 'userpass' })).toEqual([
      ['auth.method', 'must be callCertificate, approle, kubernetes, jwt, cert or token'],
    ]);
  });

  test.each(Object.entries(METHODS))('R-CONF-07 %s without an address to send it to is refused', (_name, auth) => {
    expect(problems(auth, { openbao: {} }).map(([path]) => path)).toEqual(['openbao.addresses']);
  });

  test.each<[keyof typeof METHODS, string[]]>([
    ['approle', ['tokenPath', 'certificate', 'key', 'token']],
    ['kubernetes', ['roleId', 'secretId', 'secretIdWrapped', 'key', 'token']],
    ['jwt', ['roleId', 'certificate', 'token']],
    ['cert', ['secretId', 'tokenPath', 'token']],
  ])('R-CONF-02 %s has no keys of other methods', (name, foreign) => {
    const others = Object.fromEntries(foreign.map((key) => [key, 'x']));
    const told = problems({ ...METHODS[name], ...others }).filter(([, message]) => message === 'unknown key');
    expect(told.map(([path]) => path)).toEqual(foreign.map((key) => `auth.${key}`));
  });

  test.each<[string, Auth, string]>([
    ['kubernetes without a role', { method: 'kubernetes' }, 'auth.role'],
    ['kubernetes with an empty role', { method: 'kubernetes', role: '' }, 'auth.role'],
    ['jwt without a file', { method: 'jwt', role: 'r' }, 'auth.tokenPath'],
    ['a file that is not absolute', { method: 'jwt', tokenPath: 'token' }, 'auth.tokenPath'],
    ['a file that is a mapping', { method: 'jwt', tokenPath: file('/x') }, 'auth.tokenPath'],
    ['cert without a certificate', { method: 'cert', key: file('/k') }, 'auth.certificate'],
    ['cert without a key', { method: 'cert', certificate: file('/c') }, 'auth.key'],
    ['a mount that climbs', { ...METHODS.jwt, mount: '../jwt' }, 'auth.mount'],
  ])('R-CONF-04 %s is refused at its path', (_name, auth, path) => {
    expect(problems(auth).map(([at]) => at)).toEqual([path]);
  });
});

describe('the secret of a login', () => {
  test.each<[string, Auth, string]>([
    ['a wrapped secret id', METHODS.wrapped, 'secretIdWrapped'],
    ['a private key', METHODS.cert, 'key'],
  ])('R-CONF-06 %s is a file, and anything else is for development', (_name, auth, key) => {
    for (const ref of [{ value: CANARY }, { source: 'embedded', value: CANARY }, { source: 'env', env: 'SECRET' }]) {
      expect(problems({ ...auth, [key]: ref })).toEqual([
        [`auth.${key}.source`, 'must be file; embedded and env need development: true'],
      ]);
      expect(problems({ ...auth, [key]: ref }, { development: true })).toEqual([]);
    }
  });

  test('R-CONF-06 a certificate is no secret', () => {
    for (const certificate of [{ value: 'PEM' }, { source: 'env', env: 'CERTIFICATE' }]) {
      expect(problems({ ...METHODS.cert, certificate })).toEqual([]);
    }
  });

  test('R-AUTH-40 a token that was made elsewhere is for development, wherever it is', () => {
    for (const token of [file('/run/token'), { value: CANARY }]) {
      const auth = { method: 'token', token };
      expect(problems(auth)).toEqual([['auth.method', 'token needs development: true']]);
      expect(parse(auth, { development: true }).method).toBe('token');
    }
    expect(problems({ method: 'token' }, { development: true }).map(([path]) => path)).toEqual(['auth.token']);
  });

  test('R-AUTH-41 a secret id is plain or wrapped, one of them; a wrapped one needs the name of its role', () => {
    const { secretId } = METHODS.approle;
    const { role: _, ...nameless } = METHODS.wrapped;
    expect(problems({ method: 'approle', roleId: 'r' })).toEqual([['auth.secretId', 'is missing']]);
    expect(problems({ ...METHODS.wrapped, secretId })).toEqual([
      ['auth.secretIdWrapped', 'must not be given beside auth.secretId'],
    ]);
    expect(problems(nameless)).toEqual([['auth.role', 'is missing: it tells where the wrapped secret id was made']]);
    expect(problems({ ...METHODS.approle, role: 'cmk' })).toEqual([]);
  });

  test('R-SEC-01 is in no problem and no form of printing', () => {
    const auth = { method: 'cert', mount: '..', certificate: { value: 'PEM' }, key: { value: CANARY } };
    expect(JSON.stringify(problems(auth))).not.toContain(CANARY);
    const parsed = parse({ ...auth, mount: 'cert' }, { development: true });
    expect(JSON.stringify(parsed) + inspect(parsed, { depth: 10 })).not.toContain(CANARY);
  });
});

describe('where the process logs in', () => {
  test.each<[string, Auth, object]>([
    ['kubernetes', METHODS.kubernetes, { mount: 'kubernetes', role: 'cmk' }],
    ['jwt', METHODS.jwt, { mount: 'jwt', role: undefined }],
    ['cert', { ...METHODS.cert, role: 'plugin', mount: 'tls' }, { mount: 'tls', role: 'plugin' }],
    ['token', { method: 'token', token: file('/t') }, { mount: undefined, role: undefined }],
  ])('R-AUTH-03 %s is what tenants may repeat', (_name, auth, expected) => {
    const parsed = parse(auth, { development: true });
    if (parsed.method === 'callCertificate') throw new Error('this is no identity of the process');
    expect(processLogin(parsed)).toEqual(expected);
  });
});
