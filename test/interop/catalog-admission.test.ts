import { stringify } from 'yaml';

import { OpenBaoKeyAccessData } from '../../proto/gen/plugin/keystore/openbao/v1/access_data.ts';
import { type CountingServer, startCountingServer } from '../support/counting-server.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import { until } from '../support/until.ts';
import { BUILD_MS, callOperation, EXACT, type PluginStage, setPluginStage } from './catalog-fixture.ts';

const FOREIGN = 'https://elsewhere.example.com:8200';
// What CMK adds to what a tenant wrote in a region.
const ADDED = { certificateSubject: 'CN=kms-crypto_1,OU=x', isEditable: true, versionIdentifier: '7' };

interface Transformed {
  readonly transformedAccessData: Readonly<Record<string, string>>;
}

describeWithGo('plugin-sdk catalog asks what the plugin decides by its configuration', () => {
  let stage: PluginStage;
  // The only OpenBao that anything here may name.
  let server: CountingServer;
  let address: string;
  let catalog: Catalog;

  beforeAll(async () => {
    stage = await setPluginStage();
    server = await startCountingServer();
    ({ address } = server);
    catalog = await stage.load(ownYaml());
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** CMK's way: each call brings its certificate, and tenants name the address. */
  function ownYaml(): string {
    const allowedAddresses = [
      { pattern: address, ca: { value: server.caPem }, privateAddresses: true, region: 'eu labelled' },
    ];
    return stringify({ development: true, openbao: { allowedAddresses }, keys: { regions: ['eu10', 'us 1'] } });
  }

  const validate = (management: object | undefined, crypto?: object) =>
    callOperation(catalog, 'ValidateKeyAccessData', {
      ...(management === undefined ? {} : { management }),
      ...(crypto === undefined ? {} : { crypto }),
    });
  const missing = (missingFields: string) => ({
    ...EXACT.accessData,
    reason: 'MISSING_FIELDS',
    metadata: { missingFields },
  });
  const unusable = (fields: string) => ({
    ...EXACT.accessData,
    reason: 'CANNOT_PARSE_DATA',
    metadata: { fields },
  });
  const good = (changes: object = {}) => ({
    address,
    namespace: 'team/a',
    mountPath: 'transit',
    authMountPath: 'cert',
    roleName: 'cmk',
    region: 'eu-1',
    ...changes,
  });

  describe('B5 ValidateKeyAccessData', () => {
    const VALID = { code: 'OK', response: { isValid: true, message: '' } };

    test('R-KEY-43 of good data, as CMK sends them', async () => {
      expect(await validate(good(), { eu10: good(ADDED), 'us 1': good() })).toMatchObject(VALID);
      expect(await validate({ address }, {})).toMatchObject(VALID);
      expect(await validate({ address })).toMatchObject(VALID);
    });

    test('R-KEY-43 of a change that names one region only', async () => {
      expect(await validate(good(), { 'us 1': { address } })).toMatchObject(VALID);
      expect(await validate(good(), { 'us 1': { roleName: 'cmk' } })).toMatchObject(missing('crypto.us 1.address'));
    });

    test('R-KEY-45 of data that lack what they need', async () => {
      expect(await validate(undefined)).toMatchObject(missing('address'));
      expect(await validate({}, {})).toMatchObject(missing('address'));
      expect(await validate(good({ address: '' }))).toMatchObject(missing('address'));
      expect(await validate(good({ address: null }))).toMatchObject(missing('address'));
      expect(await validate({}, { eu10: ADDED, 'us 1': good() })).toMatchObject(missing('address,crypto.eu10.address'));
    });

    test.each(['namespace', 'mountPath', 'authMountPath', 'roleName', 'region'])(
      'R-KEY-43 R-KEY-44 %s may be missing, and may not be of another type',
      async (field) => {
        expect(await validate(good({ [field]: undefined }), { eu10: good({ [field]: undefined }) })).toMatchObject(
          VALID,
        );
        expect(await validate(good({ [field]: 7 }))).toMatchObject(unusable(field));
        expect(await validate(good(), { eu10: good({ [field]: { deep: [] } }) })).toMatchObject(
          unusable(`crypto.eu10.${field}`),
        );
      },
    );

    test.each(['authType', 'clientCert', 'privateKey', 'stateMountPath', 'token', 'secretId'])(
      'R-KEY-44 of data with a member that tenants do not have: %s',
      async (name) => {
        expect(await validate(good({ [name]: 'CANARY' }))).toMatchObject(unusable(name));
        expect(await validate(good(), { eu10: good({ [name]: 'CANARY' }) })).toMatchObject(
          unusable(`crypto.eu10.${name}`),
        );
      },
    );

    test.each(Object.keys(ADDED))('R-KEY-44 of management data with what CMK adds to regions: %s', async (name) => {
      expect(await validate(good({ [name]: 'x' }))).toMatchObject(unusable(name));
    });

    test('R-KEY-46 of an address that the operator has not allowed, or that is none', async () => {
      for (const foreign of [FOREIGN, address.replace('https', 'http'), `${address}/v1`, 'https://127.0.0.1:1', 'x']) {
        expect(await validate({ address: foreign })).toMatchObject(unusable('address'));
        expect(await validate({ address }, { eu10: { address: foreign } })).toMatchObject(
          unusable('crypto.eu10.address'),
        );
      }
    });

    test('R-KEY-44 R-KEY-48 of everything wrong at once, without what the tenant must not see again', async () => {
      const crypto = { eu10: { address: FOREIGN, token: 'CANARY' }, 'us 1': 7, '<CANARY>': good() };
      const answer = await validate({ privateKey: 'CANARY', authType: 'CANARY' }, crypto);
      expect(answer).toMatchObject({ ...EXACT.accessData, reason: 'CANNOT_PARSE_DATA' });
      expect(answer.metadata?.fields?.split(',').toSorted()).toEqual(
        ['authType', 'privateKey', 'crypto', 'crypto.eu10.address', 'crypto.eu10.token', 'crypto.us 1'].toSorted(),
      );
      expect(answer.domain).toBeUndefined();
      expect(JSON.stringify(answer)).not.toContain('CANARY');
    });

    test('R-KEY-47 under the identity of the process: what the configuration says, and regions of their own', async () => {
      const own = await stage.load(server.yaml());
      const check = (management: object, crypto: object = {}) =>
        callOperation(own, 'ValidateKeyAccessData', { management, crypto });
      expect(await check({})).toMatchObject(VALID);
      const repeated = { address, mountPath: 'transit', authMountPath: 'approle', region: 'eu' };
      expect(await check(repeated, { eu10: good() })).toMatchObject(VALID);
      expect(await check({ address: FOREIGN })).toMatchObject(unusable('address'));
      expect(await check({ roleName: 'admin', namespace: 'x' })).toMatchObject(unusable('namespace,roleName'));
      expect(await check({}, { eu10: {} })).toMatchObject(missing('crypto.eu10.address'));
      await own.close();
    });
  });

  describe('B6 TransformCryptoAccessData', () => {
    const transform = (json: unknown, nativeKeyId = 'key-1', from = catalog) =>
      callOperation<Transformed>(from, 'TransformCryptoAccessData', {
        nativeKeyId,
        accessData: Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)).toString('base64'),
      });
    const decoded = async (json: unknown): Promise<Record<string, OpenBaoKeyAccessData>> => {
      const answer = await transform(json);
      expect(answer).toMatchObject({ code: 'OK' });
      const regions = Object.entries(answer.response!.transformedAccessData);
      return Object.fromEntries(
        regions.map(([name, bytes]) => [name, OpenBaoKeyAccessData.decode(Buffer.from(bytes, 'base64'))]),
      );
    };
    const plain = () => ({
      address,
      namespace: '',
      mountPath: 'transit',
      keyName: 'key-1',
      authMountPath: 'cert',
      roleName: '',
      keyVersionId: '',
      caReference: '',
    });

    test.each(['null', '{}'])('R-KEY-53 of %s is empty', async (text) => {
      expect(await transform(text)).toMatchObject({ code: 'OK', response: { transformedAccessData: {} } });
    });

    test('R-KEY-52 R-KEY-55 of regions with what CMK adds', async () => {
      expect(await decoded({ eu10: good(ADDED), 'us 1': { address, ...ADDED } })).toEqual({
        eu10: { ...plain(), namespace: 'team/a', roleName: 'cmk', keyVersionId: '7' },
        'us 1': { ...plain(), keyVersionId: '7' },
      });
      const quirks = [{ certificateSubject: 'eu10' }, { certificateSubject: '' }, { isEditable: 'no' }, {}];
      for (const quirk of quirks) expect(await decoded({ eu10: { address, ...quirk } })).toEqual({ eu10: plain() });
    });

    test('R-KEY-54 of a region that cannot be used leaves that one out, with one warning', async () => {
      const own = await stage.load(ownYaml());
      const bad = { eu10: { address: FOREIGN }, eu11: { address, token: 'CANARY' }, eu12: 'text', eu13: {} };
      const answer = await transform({ ...bad, 'us 1': { address } }, 'key-1', own);
      expect(Object.keys(answer.response!.transformedAccessData)).toEqual(['us 1']);
      await own.close();
      const log = await own.log();
      expect(log.filter(({ level }) => level === 'warn' || level === 'error')).toMatchObject([
        {
          level: 'warn',
          message: 'regions left out',
          fields: {
            'keystoreop-openbao': {
              key_id: 'key-1',
              regions: 4,
              fields: 'crypto.eu10.address crypto.eu11.token crypto.eu12 crypto.eu13.address',
            },
          },
        },
      ]);
      expect(JSON.stringify(log)).not.toContain('CANARY');
    });

    test('R-KEY-52 of equal input is equal to the byte, in another process too', async () => {
      const input = { 'us 1': { address, ...ADDED }, eu10: good(ADDED) };
      const other = await stage.load(ownYaml());
      const answers = [await transform(input), await transform(input), await transform(input, 'key-1', other)];
      await other.close();
      const [first] = answers;
      expect(Object.keys(first!.response!.transformedAccessData)).toHaveLength(2);
      for (const { response } of answers) expect(response).toEqual(first!.response);
    });

    test('R-KEY-53 R-KEY-57 of no object, or for no key, is refused', async () => {
      const refusal = (message: string) => ({ code: 'InvalidArgument', message, reason: 'INVALID_REQUEST' });
      for (const text of ['', '[]', '"eu10"', '7', '{eu10:{}}']) {
        expect(await transform(text)).toMatchObject(refusal('access_data must be a JSON object'));
      }
      expect(await transform('{}', '')).toMatchObject(refusal('native_key_id is missing'));
      expect(await transform('{}', 'a/b')).toMatchObject(refusal('native_key_id is malformed'));
    });
  });

  test('R-KEY-40 R-KEY-42 ValidateKey says yes, or no with a text', async () => {
    const byok = { keyType: 'KEY_TYPE_BYOK', algorithm: 'KEY_ALGORITHM_AES256', region: 'eu10' };
    const check = (changes: object = {}) => callOperation(catalog, 'ValidateKey', { ...byok, ...changes });
    const answered = (isValid: boolean, message: string) => ({ code: 'OK', response: { isValid, message } });
    expect(await check()).toMatchObject(answered(true, ''));
    expect(await check({ region: 'asia' })).toMatchObject(answered(false, 'the region is not offered'));
    expect(await check({ algorithm: 'KEY_ALGORITHM_RSA4096' })).toMatchObject(
      answered(false, 'the algorithm of a BYOK key must be AES256'),
    );
    const hyok = { keyType: 'KEY_TYPE_HYOK', nativeKeyId: 'key-1' };
    expect(await check(hyok)).toMatchObject(answered(true, ''));
  });

  test('R-KEY-50 R-KEY-51 ExtractKeyRegion names a region, or says that it is to be named', async () => {
    const extract = (managementAccessData: object) =>
      callOperation(catalog, 'ExtractKeyRegion', { nativeKeyId: 'key-1', managementAccessData });
    const answered = (region: string) => ({ code: 'OK', response: { region } });
    expect(await extract(good())).toMatchObject(answered('eu-1'));
    expect(await extract({ address })).toMatchObject(answered('eu labelled'));
    expect(await extract({ address: FOREIGN })).toMatchObject({
      code: 'InvalidArgument',
      message: 'the region of the key is not known: name it in the access data',
    });
  });

  // The last one: it counts what all the others have sent.
  test('B5 R-KEY-33 R-KEY-56 nothing of this has reached the address that all of it names', async () => {
    expect(server.seen).toEqual({ connections: 0, requests: 0 });
    // Whereas a call that goes to OpenBao is counted.
    const own = await stage.load(server.yaml());
    const call = callOperation(own, 'GetKey', { parameters: { keyId: 'key-1' } });
    await until('a request', () => server.seen.requests > 0);
    await own.close();
    expect(await call).toMatchObject({ code: 'Unavailable' });
  });
});
