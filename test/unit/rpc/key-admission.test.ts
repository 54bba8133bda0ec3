import { status } from '@grpc/grpc-js';

import { OpenBaoKeyAccessData } from '../../../proto/gen/plugin/keystore/openbao/v1/access_data.ts';
import { KeyAlgorithm, KeyType } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import {
  extractKeyRegion,
  type Stage,
  startStage,
  transformCryptoAccessData,
  validateKey,
  validateKeyAccessData,
} from './key-admission-fixture.ts';

const BYOK = {
  keyType: KeyType.KEY_TYPE_BYOK,
  algorithm: KeyAlgorithm.KEY_ALGORITHM_AES256,
  region: 'eu',
  nativeKeyId: '',
};
const HYOK = {
  keyType: KeyType.KEY_TYPE_HYOK,
  algorithm: KeyAlgorithm.KEY_ALGORITHM_UNSPECIFIED,
  region: '',
  nativeKeyId: 'key-1',
};

let stage: Stage;
let address: string;

beforeAll(async () => {
  stage = await startStage();
  address = stage.fake.address;
});
afterAll(async () => {
  // R-KEY-56: nothing in this file may have reached for an OpenBao.
  expect(stage.fake.attempts).toBe(0);
  await stage[Symbol.asyncDispose]();
});

const invalidArgument = (message: string, reason: string, metadata: Record<string, string>) => ({
  code: status.INVALID_ARGUMENT,
  message,
  reason,
  metadata,
});
const transform = (accessData: string, nativeKeyId = 'key-1') =>
  stage.call(transformCryptoAccessData, { nativeKeyId, accessData: Buffer.from(accessData) });

describe('before any configuration', () => {
  it.each([
    ['ValidateKey', () => stage.refusal(validateKey, BYOK)],
    ['ValidateKeyAccessData', () => stage.refusal(validateKeyAccessData, { management: {}, crypto: {} })],
    ['ExtractKeyRegion', () => stage.refusal(extractKeyRegion, { nativeKeyId: 'k', managementAccessData: {} })],
    [
      'TransformCryptoAccessData',
      () => stage.refusal(transformCryptoAccessData, { nativeKeyId: 'k', accessData: Buffer.from('{}') }),
    ],
  ])('R-PROC-21 %s is refused', async (_name, refusal) => {
    expect(await refusal()).toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: 'the plugin is not configured',
    });
  });
});

describe('ValidateKey', () => {
  beforeAll(() => stage.configure({ keys: { regions: ['eu'] } }));

  it.each([
    [BYOK],
    [{ ...BYOK, keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED, algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA3072 }],
    [{ ...BYOK, keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED, algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA4096 }],
    [HYOK],
  ])('R-KEY-40 R-KEY-41 accepts %j', async (request) => {
    expect(await stage.call(validateKey, request)).toEqual({ isValid: true, message: '' });
  });

  it.each([
    [{ region: 'us' }, 'the region is not offered'],
    [{ region: '' }, 'the region is missing'],
    [{ region: 'x'.repeat(1 << 20) }, 'the region is malformed'],
    [{ algorithm: KeyAlgorithm.KEY_ALGORITHM_RSA4096 }, 'the algorithm of a BYOK key must be AES256'],
    [{ algorithm: KeyAlgorithm.KEY_ALGORITHM_UNSPECIFIED }, 'the algorithm of a BYOK key must be AES256'],
    [{ algorithm: 99 as KeyAlgorithm }, 'the algorithm of a BYOK key must be AES256'],
    [{ keyType: KeyType.KEY_TYPE_UNSPECIFIED }, 'the key type must be BYOK, HYOK or SYSTEM_MANAGED'],
    [{ keyType: 99 as KeyType }, 'the key type must be BYOK, HYOK or SYSTEM_MANAGED'],
    [{ ...HYOK, nativeKeyId: 'a/b' }, 'the native key id must be the name of a Transit key'],
  ])('R-KEY-42 says why a key is not accepted, and answers no error: %#', async (changes, message) => {
    expect(await stage.call(validateKey, { ...BYOK, ...changes })).toEqual({ isValid: false, message });
  });
});

describe('ValidateKeyAccessData', () => {
  beforeAll(() => stage.configure());

  const refusal = (management: Record<string, unknown> | undefined, crypto?: Record<string, unknown>) =>
    stage.refusal(validateKeyAccessData, { management, crypto });

  it('R-KEY-43 answers good data with valid', async () => {
    const crypto = { eu: { address, certificateSubject: 'CN=x', isEditable: true }, us: { address } };
    expect(await stage.call(validateKeyAccessData, { management: { address }, crypto })).toEqual({
      isValid: true,
      message: '',
    });
    expect(await stage.call(validateKeyAccessData, { management: { address }, crypto: undefined })).toMatchObject({
      isValid: true,
    });
  });

  it('R-KEY-45 answers missing fields with their names', async () => {
    const answer = (missingFields: string) =>
      invalidArgument('invalid key access data', 'MISSING_FIELDS', { missingFields });
    expect(await refusal(undefined)).toEqual(answer('address'));
    expect(await refusal({}, {})).toEqual(answer('address'));
    expect(await refusal({}, { eu: { roleName: 'r' }, us: { address } })).toEqual(answer('address,crypto.eu.address'));
  });

  it('R-KEY-44 answers fields that cannot be used with their names', async () => {
    const answer = (fields: string, detail = {}) =>
      invalidArgument('invalid key access data', 'CANNOT_PARSE_DATA', { fields, ...detail });
    expect(await refusal({ address, privateKey: 'k', authType: 'a' })).toEqual(answer('privateKey,authType'));
    expect(await refusal({ address }, { eu: { address, clientCert: 'c' }, us: 7 })).toEqual(
      answer('crypto.eu.clientCert,crypto.us'),
    );
    expect(await refusal({ address: 'https://evil.example.com' })).toEqual(
      answer('address', { detail: 'NOT_ALLOWED' }),
    );
    expect(await refusal({ address }, { '<b>': { address } })).toEqual(answer('crypto'));
  });
});

describe('ExtractKeyRegion', () => {
  beforeAll(() => stage.configure({ keys: { region: 'by default' } }));

  const extract = (managementAccessData: Record<string, unknown> | undefined, nativeKeyId = 'key-1') =>
    stage.call(extractKeyRegion, { nativeKeyId, managementAccessData });

  it('R-KEY-50 answers what the access data or the configuration say', async () => {
    expect(await extract({ address, region: 'by tenant' })).toEqual({ region: 'by tenant' });
    expect(await extract({ address })).toEqual({ region: 'by default' });
    expect(await extract(undefined)).toEqual({ region: 'by default' });
  });

  it.each([
    ['', 'native_key_id is missing'],
    ['a/b', 'native_key_id is malformed'],
  ])('R-KEY-57 refuses the key id %j', async (nativeKeyId, message) => {
    expect(await stage.refusal(extractKeyRegion, { nativeKeyId, managementAccessData: { region: 'eu' } })).toEqual(
      invalidArgument(message, 'INVALID_REQUEST', { fields: 'native_key_id' }),
    );
  });

  it('R-KEY-51 answers in words for the tenant when nothing says it', async () => {
    stage.configure();
    expect(await stage.refusal(extractKeyRegion, { nativeKeyId: 'key-1', managementAccessData: { address } })).toEqual(
      invalidArgument('the region of the key is not known: name it in the access data', 'INVALID_REQUEST', {
        fields: 'management_access_data',
      }),
    );
  });
});

describe('TransformCryptoAccessData', () => {
  beforeAll(() => stage.configure());

  const warnings = () => stage.log.entries('regions left out');

  it('R-KEY-52 answers a message for every region', async () => {
    const eu = { address, namespace: 'n', mountPath: 'm', authMountPath: 'a', roleName: 'r', versionIdentifier: '3' };
    const { transformedAccessData } = await transform(JSON.stringify({ us: { address }, eu }));
    expect([...transformedAccessData].map(([region, bytes]) => [region, OpenBaoKeyAccessData.decode(bytes)])).toEqual([
      [
        'us',
        {
          address,
          namespace: '',
          mountPath: 'transit',
          keyName: 'key-1',
          authMountPath: 'cert',
          roleName: '',
          keyVersionId: '',
          caReference: '',
        },
      ],
      [
        'eu',
        {
          address,
          namespace: 'n',
          mountPath: 'm',
          keyName: 'key-1',
          authMountPath: 'a',
          roleName: 'r',
          keyVersionId: '3',
          caReference: '',
        },
      ],
    ]);
    expect(warnings()).toEqual([]);
  });

  it('R-KEY-52 answers equal bytes for equal input', async () => {
    const text = JSON.stringify({ eu: { address, roleName: 'r', certificateSubject: 'CN=x' }, us: { address } });
    const [first, second] = [await transform(text), await transform(text)];
    const toBytes = transformCryptoAccessData.responseSerialize;
    expect(first.transformedAccessData.size).toBe(2);
    expect(toBytes(first)).toEqual(toBytes(second));
  });

  it.each(['null', '{}'])('R-KEY-53 answers %s with no region', async (text) => {
    expect((await transform(text)).transformedAccessData.size).toBe(0);
  });

  it('R-KEY-53 refuses what is no object of regions', async () => {
    expect(
      await stage.refusal(transformCryptoAccessData, { nativeKeyId: 'key-1', accessData: Buffer.from('[]') }),
    ).toEqual(invalidArgument('access_data must be a JSON object', 'INVALID_REQUEST', { fields: 'access_data' }));
  });

  it.each([
    ['', 'native_key_id is missing'],
    ['../x', 'native_key_id is malformed'],
  ])('R-KEY-57 refuses the key id %j', async (nativeKeyId, message) => {
    expect(await stage.refusal(transformCryptoAccessData, { nativeKeyId, accessData: Buffer.from('{}') })).toEqual(
      invalidArgument(message, 'INVALID_REQUEST', { fields: 'native_key_id' }),
    );
  });

  it('R-KEY-54 leaves out the regions that cannot be used, and says so once in the log', async () => {
    const before = warnings().length;
    const bad = { eu: { address, token: 'CANARY-1' }, us: { roleName: 'CANARY-2' }, '<CANARY-3>': { address } };
    const { transformedAccessData } = await transform(JSON.stringify({ ...bad, asia: { address } }));
    expect([...transformedAccessData.keys()]).toEqual(['asia']);
    const added = warnings().slice(before);
    expect(added).toMatchObject([
      {
        '@level': 'warn',
        rpc: 'TransformCryptoAccessData',
        key_id: 'key-1',
        regions: 3,
        fields: 'crypto.eu.token crypto.us.address crypto',
      },
    ]);
    expect(stage.log.lines.join('\n')).not.toContain('CANARY');
  });
});

test('R-KEY-56 none of the four reaches for the OpenBao that they are told of, nor needs a credential', async () => {
  stage.configure({
    openbao: { addresses: [address] },
    auth: { method: 'approle', roleId: 'r', secretId: { source: 'file', file: { path: '/nowhere/at/all' } } },
    keys: { region: 'eu' },
  });
  const management = { address };
  await stage.call(validateKey, BYOK);
  await stage.call(validateKeyAccessData, { management, crypto: { eu: { address } } });
  await stage.call(extractKeyRegion, { nativeKeyId: 'key-1', managementAccessData: management });
  expect((await transform(JSON.stringify({ eu: { address } }))).transformedAccessData.size).toBe(1);
  expect(stage.fake.attempts).toBe(0);
});
