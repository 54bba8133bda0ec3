import { type ServiceError, status } from '@grpc/grpc-js';
import { stringify } from 'yaml';

import { type FakeOpenBao, json, startFakeOpenBao, tokenAnswer } from '../support/fake-openbao.ts';
import { rawMethod } from '../support/plugin-connection.ts';
import { config, cryptoOperation, keyOperation, METHODS, type Stage } from './stage.ts';

const MIB = 1024 * 1024;
const GOOD = `vault:v1:${Buffer.alloc(32, 9).toString('base64')}`;
const INVALID = status.INVALID_ARGUMENT;

const KEY_IDS = [
  '',
  '.',
  '..',
  '../../sys/seal',
  'a/b',
  '/a',
  'a/',
  'a%2fb',
  '%2e%2e',
  'a?list=true',
  'a#b',
  'a\\b',
  'a b',
  'a\0b',
  'a\r\nX-Vault-Token: t',
  'ключ',
  '\u202e',
  '{{mount}}',
  '${mount}',
  '<script>',
  '-a',
  'a-',
  'x'.repeat(256),
  'x'.repeat(MIB),
];
const CIPHERTEXTS = [
  '',
  'vault:v1:',
  'vault:v0:AAAA',
  GOOD.replace('v1', 'v01'),
  GOOD.replace('v1', 'v-1'),
  GOOD.replace('v1', 'v12345678901'),
  `${GOOD}\n`,
  ` ${GOOD}`,
  GOOD.slice(0, -1),
  GOOD.replace('vault', 'VAULT'),
  GOOD.replaceAll('C', '-'),
  `vault:v1:${'A'.repeat(2 * MIB)}`,
  'x'.repeat(MIB),
];
const VALUES: Record<string, unknown>[] = [
  { address: 'x'.repeat(MIB) },
  { mountPath: 'x'.repeat(MIB) },
  { clientCert: 'x'.repeat(MIB) },
  { privateKey: 'x'.repeat(MIB) },
  { address: ['https://127.0.0.1'] },
  { address: { toString: 'https://127.0.0.1' } },
  { namespace: true },
  { roleName: 1e308 },
  { mountPath: 'transit/../sys' },
  { mountPath: '/transit' },
  { mountPath: 'transit?x=1' },
  { authMountPath: 'cert%2f..' },
  { namespace: 'a//b' },
  { roleName: '../admin' },
];

export function hostileContract(stage: Stage): void {
  let fake: FakeOpenBao;
  beforeAll(async () => {
    fake = await startFakeOpenBao();
    fake.on('POST', 'auth/cert/login', tokenAnswer('t', 3600));
    fake.on('GET', 'transit/keys/constructor', json(200, {}));
    const allowedAddresses = [{ pattern: fake.address, ca: { value: fake.caPem }, privateAddresses: true }];
    await stage.call(config.configure, {
      yamlConfiguration: stringify({ development: true, openbao: { allowedAddresses } }),
    });
  });
  afterAll(() => fake[Symbol.asyncDispose]());
  afterEach(() => {
    expect(fake.requests).toEqual([]);
  });
  const parameters = (keyId: string, values: Record<string, unknown> = {}) =>
    stage.parameters(keyId, { address: fake.address, ...values });

  it.each(named(KEY_IDS))('R-KEY-01 R-ERR-10 the key id %s is refused and nothing is sent', async (_name, keyId) => {
    const request = { parameters: parameters(keyId) };
    const refused = [
      await stage.refusal(keyOperation.getKey, request),
      await stage.refusal(keyOperation.getKeyVersions, request),
      await stage.refusal(cryptoOperation.getKeyStatus, request),
      await stage.refusal(cryptoOperation.encrypt, { ...request, plaintext: Buffer.from('x') }),
      await stage.refusal(cryptoOperation.decrypt, { ...request, ciphertext: Buffer.from(GOOD) }),
      await stage.refusal(cryptoOperation.rewrap, { ...request, ciphertext: Buffer.from(GOOD) }),
    ];
    const message = keyId === '' ? 'key_id is missing' : 'key_id is malformed';
    expect(refused).toEqual(
      refused.map(() => ({ code: INVALID, message, reason: 'INVALID_REQUEST', metadata: { fields: 'key_id' } })),
    );
  });

  it.each(named(CIPHERTEXTS))(
    'R-CIPHER-02 R-ERR-10 the ciphertext %s is refused and nothing is sent',
    async (_name, text) => {
      const request = { parameters: parameters('k'), ciphertext: Buffer.from(text) };
      for (const method of [cryptoOperation.decrypt, cryptoOperation.rewrap]) {
        const { code, reason } = await stage.refusal(method, request);
        expect([code, reason]).toEqual([INVALID, expect.stringMatching(/^INVALID_(CIPHERTEXT|REQUEST)$/)]);
      }
    },
  );

  it.each(named(VALUES))(
    'R-CONF-15 R-ERR-10 the access data %s is refused and nothing is sent',
    async (_name, values) => {
      for (const method of [keyOperation.getKey, cryptoOperation.getKeyStatus]) {
        expect(await stage.refusal(method, { parameters: parameters('k', values) })).toEqual({
          code: INVALID,
          message: 'invalid key access data',
          reason: 'CANNOT_PARSE_DATA',
          metadata: { fields: Object.keys(values).join() },
        });
      }
      const health = { config: parameters('', values).config, deep: false };
      expect(await stage.refusal(cryptoOperation.checkHealth, health)).toMatchObject({ code: INVALID });
    },
  );

  it.each(named(['', 'a b', 'x'.repeat(129), 'a\r\nb', 'ä', 'x'.repeat(MIB)]))(
    'R-CRYPTO-12 R-ERR-10 the request id %s is refused and nothing is sent',
    async (_name, requestId) => {
      const refused = await stage.refusal(cryptoOperation.getKeyStatus, { parameters: parameters('k'), requestId });
      expect(refused).toMatchObject({ code: INVALID, message: 'request_id is malformed' });
    },
  );

  it.each(named(['', '0', '01', '-1', '1.0', ' 1', '1\n', '٣', '9'.repeat(MIB)]))(
    'R-CIPHER-03 R-ERR-10 the key version id %s is refused and nothing is sent',
    async (_name, keyVersionId) => {
      const request = { parameters: parameters('k'), plaintext: Buffer.from('x'), keyVersionId };
      expect(await stage.refusal(cryptoOperation.encrypt, request)).toMatchObject({
        code: INVALID,
        message: 'key_version_id is malformed',
      });
    },
  );

  it('R-CONF-16 a Struct with the names of prototypes supplies nothing', async () => {
    const values = parameters('k').config?.values as Record<string, unknown>;
    const { address, clientCert, privateKey } = values;
    const stolen = JSON.parse(
      JSON.stringify({ constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: {}, address, x: 1 }),
    ) as Record<string, unknown>;
    expect(
      await stage.refusal(keyOperation.getKey, { parameters: { keyId: 'k', config: { values: stolen } } }),
    ).toMatchObject({
      code: INVALID,
      metadata: { missingFields: 'clientCert,privateKey' },
    });
    // Written by hand, since no client of ours can send the key `__proto__`.
    const inner = structOf({ clientCert, privateKey });
    const struct = structOf({ address }, [entry('__proto__', field(5, inner))]);
    const bytes = field(1, Buffer.concat([field(1, field(1, struct)), field(2, Buffer.from('k'))]));
    const { code } = await stage.refusal(rawMethod(keyOperation.getKey.path), bytes);
    expect(code).toBe(INVALID);
  });

  it('R-ERR-10 a Struct of ten thousand members and one of a thousand levels are read or refused, and the plugin lives', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`member${index}`, index]));
    let deep: unknown = 'bottom';
    for (let level = 0; level < 1000; level += 1) deep = { level: deep };
    for (const values of [
      { ...many, mountPath: '..' },
      { deep, mountPath: '..' },
    ]) {
      const { code } = await stage.refusal(keyOperation.getKey, { parameters: parameters('k', values) });
      expect([INVALID, status.INTERNAL, status.RESOURCE_EXHAUSTED]).toContain(code);
    }
    expect(await stage.refusal(keyOperation.getKey, { parameters: undefined })).toMatchObject({ code: INVALID });
  });

  it('R-ERR-10 random bytes are answered by every method, and the plugin lives', async () => {
    let state = 12_345;
    const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) % 256;
    for (const { path } of METHODS.filter((method) => !/KeystoreProvider|Config|Bootstrap/.test(method.path))) {
      for (let length = 1; length < 40; length += 7) {
        const bytes = Buffer.from(Array.from({ length }, random));
        const code = await codeOf(stage.call(rawMethod(path), bytes));
        // ValidateKey says with OK that a key is not valid.
        const clear = [INVALID, status.INTERNAL, ...(path.endsWith('/ValidateKey') ? [status.OK] : [])];
        expect(clear).toContain(code);
      }
    }
  });
}

function codeOf(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => status.OK,
    (error: unknown) => (error as ServiceError).code,
  );
}

/** Each value with a name that fits into a title. */
function named<T>(values: readonly T[]): [name: string, value: T][] {
  return values.map((value) => {
    const text = JSON.stringify(value).replace(/[^\x20-\x7e]/g, '?');
    return [text.length <= 48 ? text : `${text.slice(0, 40)}… (${text.length})`, value];
  });
}

function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

function entry(key: string, value: Buffer): Buffer {
  return field(1, Buffer.concat([field(1, Buffer.from(key)), field(2, value)]));
}

/** `google.protobuf.Struct` of texts, and further entries. */
function structOf(texts: Record<string, unknown>, further: readonly Buffer[] = []): Buffer {
  const entries = Object.entries(texts).map(([key, text]) => entry(key, field(3, Buffer.from(String(text)))));
  return Buffer.concat([...entries, ...further]);
}
