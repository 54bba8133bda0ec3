import { status } from '@grpc/grpc-js';

import {
  PLUGIN_TYPES,
  SERVICE_DEFINITIONS,
  type PluginType,
  type ServiceKey,
} from '../../../keystore-contract/plugin-types.ts';
import { HealthService } from '../../../plugin-protocol/services.ts';
import {
  CheckHealthRequest,
  DecryptRequest,
  EncryptRequest,
  RewrapRequest,
} from '../../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { GetKeyRequest, GetKeyVersionsRequest } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { startCountingServer, type CountingServer } from '../../support/counting-server.ts';
import { rawMethod, type Method, type Refusal } from '../../support/plugin-connection.ts';
import { bundle, startPlugin, type Program, type ServingPlugin } from '../../support/plugin-process.ts';

const { config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const MIB = 1024 * 1024;
const KIB = 1024;

const NOT_CONFIGURED = { code: status.FAILED_PRECONDITION, message: 'the plugin is not configured' };
const NOT_OFFERED = { code: status.FAILED_PRECONDITION, message: 'this keystore does not offer the operation' };
const ACCESS_DATA = { code: status.INVALID_ARGUMENT, message: 'invalid key access data' };
const MALFORMED_CIPHERTEXT = {
  code: status.INVALID_ARGUMENT,
  message: 'the ciphertext is malformed',
  reason: 'INVALID_CIPHERTEXT',
};
const UNREADABLE = { code: status.INTERNAL, message: 'Error deserializing request' };
const UNKNOWN_METHOD = { code: status.UNIMPLEMENTED };
const invalid = (field: string, problem: string): Refusal => ({
  code: status.INVALID_ARGUMENT,
  message: `${field} ${problem}`,
  reason: 'INVALID_REQUEST',
  metadata: { fields: field },
});
const unusable = (...fields: string[]): Refusal => ({
  ...ACCESS_DATA,
  reason: 'CANNOT_PARSE_DATA',
  metadata: { fields: fields.join(',') },
});

const SERVING = { status: 1 };
const isServing = (plugin: ServingPlugin) => plugin.call(HealthService.check, { service: 'plugin' });

describe.each(Object.keys(PLUGIN_TYPES) as PluginType[])('empty messages to %s', (type) => {
  const services: readonly ServiceKey[] = [...PLUGIN_TYPES[type].named, ...PLUGIN_TYPES[type].unnamed];
  const paths = services
    .filter((service) => service !== 'config')
    .flatMap((service) => Object.values<{ path: string }>(SERVICE_DEFINITIONS[service]))
    .map(({ path }) => path);

  const EXPECTED: Readonly<Record<string, object>> = {
    CheckHealth: ACCESS_DATA, // whose: no call names a server, and none is configured
    CreateKey: invalid('id', 'is missing'),
    TransformCryptoAccessData: invalid('native_key_id', 'is missing'),
    ExtractKeyRegion: invalid('native_key_id', 'is missing'),
    ValidateKeyAccessData: ACCESS_DATA,
  };
  const expected = (path: string): object => {
    if (type === 'KeystoreProvider') return NOT_OFFERED; // the configuration has no provider
    return EXPECTED[path.split('/')[2]!] ?? invalid('key_id', 'is missing');
  };

  test('R-PROC-21 before Configure every RPC but those of start and configuration says that it is missing', async () => {
    await using plugin = await startPlugin({ type });
    for (const path of paths) {
      expect([path, await plugin.refusal(rawMethod(path), Buffer.alloc(0))]).toMatchObject([path, NOT_CONFIGURED]);
    }
  });

  test('R-PROC-22 after Configure every RPC has its exact answer', async () => {
    await using plugin = await startPlugin({ type });
    await plugin.call(rawMethod(config.configure.path), Buffer.alloc(0));
    // That a key is not valid is told in an answer.
    for (const path of paths.filter((method) => !method.endsWith('/ValidateKey'))) {
      expect([path, await plugin.refusal(rawMethod(path), Buffer.alloc(0))]).toMatchObject([path, expected(path)]);
    }
    expect(await isServing(plugin)).toEqual(SERVING);
  });
});

/** A protobuf field of length-delimited kind. */
function field(number: number, body: Buffer): Buffer {
  const varint: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    varint.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint]), body]);
}

/** The bytes of a GetKeyRequest whose access data are a Struct in a Struct, so many deep. */
function deepRequest(depth: number): Buffer {
  let struct: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) {
    struct = field(1, Buffer.concat([field(1, Buffer.from('region')), field(2, field(5, struct))]));
  }
  return field(1, Buffer.concat([field(1, field(1, struct)), field(2, Buffer.from('l1'))]));
}

describe('hostile requests to the executable', () => {
  let server: CountingServer;
  let plugin: ServingPlugin;

  beforeAll(async () => {
    server = await startCountingServer();
    plugin = await startPlugin();
    await plugin.call(config.configure, { yamlConfiguration: server.yaml(300) });
  });

  afterAll(async () => {
    await plugin.stop();
    await server[Symbol.asyncDispose]();
  });

  /** Refused with exactly this, and nothing was asked of the server. */
  async function expectRefusal<Request>(method: Method<Request, unknown>, request: Request, refusal: object) {
    const { connections } = server.seen;
    expect(await plugin.refusal(method, request)).toMatchObject(refusal);
    expect(server.seen.connections).toBe(connections);
    expect(await isServing(plugin)).toEqual(SERVING);
  }

  test.each([
    ['1 MiB', 'k'.repeat(MIB)],
    ['a character too many', 'k'.repeat(256)],
    ['a path', 'a/b'],
    ['a way up', '..'],
    ['an encoded way up', '%2e%2e%2fsys'],
    ['a query', 'a?list=true'],
    ['a line break', 'a\r\nX-Vault-Token: x'],
    ['a zero byte', 'a\0'],
    ['markup', '<script>'],
    ['a letter outside ASCII', 'schlüssel'],
    ['half a surrogate pair', '\ud800'],
  ])('a key id that is %s', async (_, keyId) => {
    const refusal = invalid('key_id', 'is malformed');
    await expectRefusal(keyOperation.getKey, GetKeyRequest.create({ parameters: { keyId } }), refusal);
    await expectRefusal(keyOperation.getKeyVersions, GetKeyVersionsRequest.create({ parameters: { keyId } }), refusal);
    await expectRefusal(cryptoOperation.encrypt, EncryptRequest.create({ parameters: { keyId } }), refusal);
  });

  test.each<[string, Record<string, unknown>, Refusal]>([
    ['an address of 1 MiB', { address: 'x'.repeat(MIB) }, unusable('address')],
    ['a mount path of 1 MiB', { mountPath: 'x'.repeat(MIB) }, unusable('mountPath')],
    ['an address that is a number', { address: 7 }, unusable('address')],
    ['a namespace that is a truth value', { namespace: true }, unusable('namespace')],
    ['a mount path that is a list', { mountPath: ['transit'] }, unusable('mountPath')],
    ['an address that is a Struct', { address: { toString: 'https://x' } }, unusable('address')],
    ['a region that is no number', { region: NaN }, unusable('region')],
    [
      'every field of a wrong kind',
      { address: 1, namespace: 2, roleName: 3 },
      unusable('address', 'namespace', 'roleName'),
    ],
    ['a way up', { mountPath: '../sys' }, unusable('mountPath')],
    ['a line break', { namespace: 'a\r\nb' }, unusable('namespace')],
    ['a server that nobody allowed', { address: 'https://127.0.0.1:1' }, unusable('address')],
    ['a server without TLS', { address: 'http://127.0.0.1:1' }, unusable('address')],
    ['another way to log in', { authType: 'AUTH_TYPE_SECRET' }, unusable('authType')],
    [
      'half an identity',
      { clientCert: 'x' },
      { ...ACCESS_DATA, reason: 'MISSING_FIELDS', metadata: { missingFields: 'privateKey' } },
    ],
  ])('access data with %s', async (_, values, refusal) => {
    const parameters = { keyId: 'l1', config: { values } };
    await expectRefusal(keyOperation.getKey, GetKeyRequest.create({ parameters }), refusal);
    await expectRefusal(cryptoOperation.encrypt, EncryptRequest.create({ parameters }), refusal);
  });

  test.each([
    ['20 Structs deep, in a field that is read', 20, unusable('region')],
    ['100 Structs deep', 100, UNREADABLE],
    ['1000 Structs deep', 1_000, UNREADABLE],
  ])('access data %s', async (_, depth, refusal) => {
    await expectRefusal(rawMethod(keyOperation.getKey.path), deepRequest(depth), refusal);
  });

  test.each<[string, Partial<EncryptRequest>, Refusal]>([
    ['a plaintext above the limit', { plaintext: Buffer.alloc(MIB + 1) }, invalid('plaintext', 'is too long')],
    [
      'associated data above 64 KiB',
      { associatedData: Buffer.alloc(64 * KIB + 1) },
      invalid('associated_data', 'is too long'),
    ],
    ['a key version of 1 MiB', { keyVersionId: '9'.repeat(MIB) }, invalid('key_version_id', 'is malformed')],
    ['a key version with a sign', { keyVersionId: '-1' }, invalid('key_version_id', 'is malformed')],
    ['a request id of 1 MiB', { requestId: 'x'.repeat(MIB) }, invalid('request_id', 'is malformed')],
    ['a request id with a header', { requestId: 'a\r\nX-Vault-Token: x' }, invalid('request_id', 'is malformed')],
  ])('Encrypt with %s', async (_, changes, refusal) => {
    const request = EncryptRequest.create({ parameters: { keyId: 'l1' }, plaintext: Buffer.from('p'), ...changes });
    await expectRefusal(cryptoOperation.encrypt, request, refusal);
  });

  test.each<[string, string, Refusal]>([
    ['nothing', '', MALFORMED_CIPHERTEXT],
    ['no payload', 'vault:v1:', MALFORMED_CIPHERTEXT],
    ['version 0', `vault:v0:${'A'.repeat(40)}`, MALFORMED_CIPHERTEXT],
    ['a version too large', `vault:v99999999999:${'A'.repeat(40)}`, MALFORMED_CIPHERTEXT],
    ['another alphabet', `vault:v1:${'-_'.repeat(20)}`, MALFORMED_CIPHERTEXT],
    ['a line break', `vault:v1:${'A'.repeat(40)}\n`, MALFORMED_CIPHERTEXT],
    ['another kind of value', 'hmac:v1:AAAA', MALFORMED_CIPHERTEXT],
    ['JSON', '{"ciphertext":"vault:v1:"}', MALFORMED_CIPHERTEXT],
    ['1 MiB of something', 'x'.repeat(MIB), MALFORMED_CIPHERTEXT],
    ['8 MiB', `vault:v1:${'A'.repeat(8 * MIB)}`, invalid('ciphertext', 'is too long')],
  ])('P45 a ciphertext that is %s', async (_, text, refusal) => {
    const request = { parameters: { keyId: 'l1' }, ciphertext: Buffer.from(text) };
    await expectRefusal(cryptoOperation.decrypt, DecryptRequest.create(request), refusal);
    await expectRefusal(cryptoOperation.rewrap, RewrapRequest.create(request), refusal);
  });

  test('CheckHealth with a request id that is a header', async () => {
    const request = CheckHealthRequest.create({ requestId: 'a\r\nX-Vault-Token: x' });
    await expectRefusal(cryptoOperation.checkHealth, request, invalid('request_id', 'is malformed'));
  });

  test.each([
    ['a length without its bytes', [0x0a, 0x05]],
    ['a length beyond all bounds', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a field without a value', [0x08]],
    ['half a tag', [0xff]],
  ])('bytes that are no message: %s', async (_, bytes) => {
    await expectRefusal(rawMethod(keyOperation.getKey.path), Buffer.from(bytes), UNREADABLE);
  });

  test.each(['/no.such/Service', `/${'x'.repeat(KIB)}/Y`, `${config.configure.path}Again`, '/__proto__/constructor'])(
    'a method that does not exist: %.40s',
    async (path) => {
      await expectRefusal(rawMethod(path), Buffer.alloc(0), UNKNOWN_METHOD);
    },
  );

  test.each<[string, string, RegExp]>([
    ['1 MiB of text', 'x'.repeat(MIB), /expected object/],
    ['more than 1 MiB', `a: ${'x'.repeat(MIB)}`, /larger than 1048576 bytes/],
    ['100000 brackets', '['.repeat(100_000), /nested too deeply/],
    ['prototype-named keys', '__proto__: { development: true }', /__proto__: unknown key/],
    ['a tag', 'openbao: !!js/function "x"', /unknown tag/],
    ['an unknown key with a secret', 'auth: { password: CANARY }', /^(?!.*CANARY).*auth/],
  ])('a configuration that is %s', async (_, yamlConfiguration, message) => {
    const refusal = { code: status.INVALID_ARGUMENT, message: expect.stringMatching(message) as string };
    await expectRefusal(config.configure, { yamlConfiguration }, refusal);
    expect(plugin.output.stderr).not.toContain('CANARY');
  });

  test('what is not hostile reaches the server, through all that', async () => {
    expect(server.seen).toEqual({ connections: 0, requests: 0 });
    const request = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
    expect(await plugin.refusal(keyOperation.getKey, request)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(server.seen).toEqual({ connections: 1, requests: 1 });
  });
});

const programs = (): [string, Program, Refusal][] => [
  // Built with --disable-proto: there such a key is one like any other, and nothing reads it.
  [
    'executable',
    [builtPlugin()],
    { ...ACCESS_DATA, reason: 'MISSING_FIELDS', metadata: { missingFields: 'address,clientCert,privateKey' } },
  ],
  ['bundle', bundle(), unusable('values')],
];

test.each(programs())('a Struct key named __proto__ gives the %s no access data', async (_, program, refusal) => {
  await using plugin = await startPlugin({ program });
  await plugin.call(config.configure, { yamlConfiguration: '' });
  const values = JSON.parse(
    '{"__proto__":{"address":"https://127.0.0.1:1","clientCert":"x","privateKey":"y"}}',
  ) as object;
  const request = GetKeyRequest.create({ parameters: { keyId: 'l1', config: { values } } });
  expect(await plugin.refusal(keyOperation.getKey, request)).toEqual(refusal);
  expect(await isServing(plugin)).toEqual(SERVING);
});
