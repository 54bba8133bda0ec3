import { setTimeout } from 'node:timers/promises';

import {
  PLUGIN_TYPES,
  SERVICE_DEFINITIONS,
  SERVICE_NAMES,
  type PluginType,
} from '../../keystore-contract/plugin-types.ts';
import {
  administer,
  configureKey,
  createKey,
  restoreKey,
  rotateKey,
  softDeleteKey,
} from '../../scripts/openbao/setup.ts';
import { AUTH_METHODS, DENIED_KEY, MISSING_MOUNT, type AuthMethod } from '../support/customer.ts';
import type { CallAnswer } from '../support/go-answers.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import {
  BUILD_MS,
  callCrypto,
  callOperation,
  type CatalogStage,
  type Encrypted,
  EXACT,
  type GetKeyResponse,
  type KeyVersion,
  OPERATIONS,
  setCatalogStage,
  UNREACHABLE,
} from './catalog-fixture.ts';

// The row asks for 30 s; a tenth of that where not everything is required.
const WATCH_MS = process.env.REQUIRE_ALL === '1' ? 30_000 : 3_000;

describeWithGo('plugin-sdk catalog calls the executable as CMK does', () => {
  let stage: CatalogStage;
  let customer: CatalogStage['customer'];
  let load: CatalogStage['load'];

  beforeAll(async () => {
    stage = await setCatalogStage();
    ({ customer, load } = stage);
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  describe.each(AUTH_METHODS)('with the identity by %s', (method: AuthMethod) => {
    let catalog: Catalog;

    beforeAll(async () => {
      catalog = await load(customer.yaml(method));
    });

    afterAll(async () => {
      await catalog.close();
    });

    const parameters = (keyId: string, changes: Record<string, unknown> = {}): object => ({
      keyId,
      config: { values: customer.values(method, changes) },
    });
    const operation = <Response>(name: string, keyId: string, changes?: Record<string, unknown>) =>
      callOperation<Response>(catalog, name, { parameters: parameters(keyId, changes) });
    const getKey = (keyId: string, changes?: Record<string, unknown>) =>
      operation<GetKeyResponse>('GetKey', keyId, changes);
    const getVersions = async (keyId: string): Promise<readonly KeyVersion[]> => {
      const answer = await operation<{ versions: readonly KeyVersion[] }>('GetKeyVersions', keyId);
      expect(answer).toMatchObject({ code: 'OK' });
      return answer.response!.versions;
    };
    const crypto = <Response>(name: string, request: object) => callCrypto<Response>(catalog, name, request);
    const decryptInOpenBao = async (key: string, ciphertext: string): Promise<unknown> =>
      (await administer(customer.bao, 'POST', `transit/decrypt/${key}`, { ciphertext })).plaintext;
    const newKey = async (name: string, type?: string): Promise<string> => {
      const key = `${method}-${name}`;
      await createKey(customer.bao, { key, ...(type === undefined ? {} : { type }) });
      return key;
    };

    test('B1 R-KEY-02 a usable key', async () => {
      const key = await newKey('usable');
      expect(await getKey(key)).toMatchObject({
        code: 'OK',
        response: {
          keyId: key,
          algorithm: 'KEY_ALGORITHM_AES256',
          status: 'ENABLED',
          usage: 'ENCRYPT_DECRYPT',
          latestKeyVersionId: '1',
          latestRotationTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/) as string,
        },
      });
    });

    test('B1 R-KEY-03 R-KEY-10 a soft-deleted key is DISABLED, and ENABLED again once restored', async () => {
      const key = await newKey('switch');
      await softDeleteKey(customer.bao, { key });
      expect(await getKey(key)).toMatchObject({ code: 'OK', response: { status: 'DISABLED' } });
      await restoreKey(customer.bao, { key });
      expect(await getKey(key)).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
    });

    test('B1 R-KEY-04 R-ERR-02 a missing key', async () => {
      expect(await getKey('missing')).toMatchObject(EXACT.keyNotFound);
    });

    test.each(['ed25519', 'aes128-gcm96', 'rsa-2048'])(
      'B1 R-KEY-06 a key of a type that no algorithm names: %s',
      async (type) => {
        expect(await getKey(await newKey(type, type))).toMatchObject(EXACT.getKey);
      },
    );

    test('B1 R-ERR-02 a key that the policy denies', async () => {
      expect(await getKey(DENIED_KEY)).toMatchObject({ ...EXACT.authentication, reason: 'DENIED_BY_POLICY' });
    });

    test('B1 R-ERR-04 R-ERR-11 a sealed server, and the same session after unsealing', async () => {
      const key = await newKey('sealed');
      await customer.bao.seal();
      try {
        expect(await getKey(key)).toMatchObject({ code: 'Unavailable', message: 'the keystore provider is sealed' });
      } finally {
        await customer.bao.unseal();
      }
      expect(await getKey(key)).toMatchObject({ code: 'OK' });
    });

    test('B2 B3 R-KEY-07 R-KEY-09 versions after 1, 2 and 5 rotations, and fields 5 and 6 of GetKey', async () => {
      const key = await newKey('rotated');
      for (const rotations of [1, 1, 3]) {
        for (let n = 0; n < rotations; n += 1) await rotateKey(customer.bao, { key });
        const versions = await getVersions(key);
        const latest = versions.at(-1)!;
        expect(versions.map(({ versionId }) => Number(versionId))).toEqual(versions.map((_, index) => index + 1));
        expectIncreasing(versions.map(({ creationTime }) => creationTime));
        expect(new Set(versions.map(({ status }) => status))).toEqual(new Set(['ENABLED']));
        expect(await getVersions(key)).toEqual(versions);
        expect(await getKey(key)).toMatchObject({
          response: { latestKeyVersionId: latest.versionId, latestRotationTime: latest.creationTime },
        });
      }
      expect(await getVersions(key)).toHaveLength(6);
    });

    test('B2 R-KEY-07 versions after raising min_decryption_version, and of a disabled key', async () => {
      const key = await newKey('raised');
      for (let n = 0; n < 3; n += 1) await rotateKey(customer.bao, { key });
      await configureKey(customer.bao, { key }, { min_decryption_version: 3 });
      const versions = await getVersions(key);
      expect(versions.map(({ versionId }) => versionId)).toEqual(['3', '4']);
      await softDeleteKey(customer.bao, { key });
      expect(await getVersions(key)).toEqual(versions.map((version) => ({ ...version, status: 'DISABLED' })));
    });

    test('B4 R-KEY-10 a rotation between two GetKey calls shows in the second', async () => {
      const key = await newKey('between');
      expect(await getKey(key)).toMatchObject({ response: { latestKeyVersionId: '1' } });
      await rotateKey(customer.bao, { key });
      expect(await getKey(key)).toMatchObject({ response: { latestKeyVersionId: '2' } });
    });

    test('R-CRYPTO-01 R-CRYPTO-02 R-CRYPTO-04 R-CRYPTO-07 R-CRYPTO-20 Encrypt, Decrypt, Rewrap and GetKeyStatus on the same connection', async () => {
      const key = await newKey('crypto');
      const plaintext = Buffer.from('a data key').toString('base64');
      const encrypted = await crypto<Encrypted>('Encrypt', { parameters: parameters(key), plaintext });
      expect(encrypted).toMatchObject({ code: 'OK', response: { keyVersionId: '1' } });
      const { ciphertext } = encrypted.response!;
      expect(fromBase64(ciphertext)).toMatch(/^vault:v1:/);
      expect(await decryptInOpenBao(key, fromBase64(ciphertext))).toBe(plaintext);
      expect(await crypto('Decrypt', { parameters: parameters(key), ciphertext })).toMatchObject({
        code: 'OK',
        response: { plaintext, keyVersionId: '1' },
      });

      await rotateKey(customer.bao, { key });
      const rewrapped = await crypto<Encrypted>('Rewrap', { parameters: parameters(key), ciphertext });
      expect(rewrapped).toMatchObject({ code: 'OK', response: { keyVersionId: '2' } });
      expect(await decryptInOpenBao(key, fromBase64(rewrapped.response!.ciphertext))).toBe(plaintext);
      expect(await crypto('Decrypt', { parameters: parameters(key), ciphertext })).toMatchObject({
        code: 'OK',
        response: { plaintext, keyVersionId: '1' },
      });
      expect(await crypto('GetKeyStatus', { parameters: parameters(key) })).toMatchObject({
        code: 'OK',
        response: {
          status: 'KEY_STATUS_ENABLED',
          algorithm: 'KEY_ALGORITHM_AES256',
          usages: ['KEY_USAGE_ENCRYPT', 'KEY_USAGE_DECRYPT'],
          latestKeyVersionId: '2',
        },
      });
    });

    test('R-CRYPTO-05 R-CRYPTO-06 R-CRYPTO-08 associated data binds a ciphertext; what does not decrypt looks alike', async () => {
      const key = await newKey('bound');
      const other = await newKey('other');
      const [plaintext, associatedData, newAssociatedData] = ['secret', 'tenant-1', 'tenant-2'].map(toBase64);
      const request = { parameters: parameters(key), plaintext, associatedData };
      const { response } = await crypto<Encrypted>('Encrypt', request);
      const { ciphertext } = response!;
      const decrypt = (changes: object): Promise<CallAnswer> =>
        crypto('Decrypt', { parameters: parameters(key), ciphertext, associatedData, ...changes });
      expect(await decrypt({})).toMatchObject({ code: 'OK', response: { plaintext } });
      const refusals = await Promise.all([
        decrypt({ associatedData: newAssociatedData }),
        decrypt({ associatedData: undefined }),
        decrypt({ ciphertext: toBase64(tampered(fromBase64(ciphertext))) }),
        decrypt({ parameters: parameters(other) }),
      ]);
      expect(new Set(refusals.map(({ code, message, reason }) => JSON.stringify({ code, message, reason }))).size).toBe(
        1,
      );
      expect(refusals[0]).toMatchObject({ code: 'InvalidArgument', message: 'the ciphertext cannot be decrypted' });

      const rewrap = { parameters: parameters(key), ciphertext, associatedData, newAssociatedData };
      const rewrapped = await crypto<Encrypted>('Rewrap', rewrap);
      expect(rewrapped).toMatchObject({ code: 'OK' });
      const moved = { ciphertext: rewrapped.response!.ciphertext, associatedData: newAssociatedData };
      expect(await decrypt(moved)).toMatchObject({ code: 'OK', response: { plaintext } });
    });

    test('R-CRYPTO-09 the kill switch stops encrypt, decrypt and rewrap at once', async () => {
      const key = await newKey('killed');
      const plaintext = toBase64('secret');
      const { response } = await crypto<Encrypted>('Encrypt', { parameters: parameters(key), plaintext });
      const { ciphertext } = response!;
      await softDeleteKey(customer.bao, { key });
      const refused = { code: 'FailedPrecondition', message: 'the key is disabled' };
      expect(await crypto('Encrypt', { parameters: parameters(key), plaintext })).toMatchObject(refused);
      expect(await crypto('Decrypt', { parameters: parameters(key), ciphertext })).toMatchObject(refused);
      expect(await crypto('Rewrap', { parameters: parameters(key), ciphertext })).toMatchObject(refused);
      expect(await crypto('GetKeyStatus', { parameters: parameters(key) })).toMatchObject({
        code: 'OK',
        response: { status: 'KEY_STATUS_DISABLED' },
      });
    });

    test('R-CRYPTO-21 CheckHealth tells the state of the server behind the call', async () => {
      const config = { values: customer.values(method) };
      await getKey(await newKey('health'));
      expect(await crypto('CheckHealth', { config })).toMatchObject({
        code: 'OK',
        response: {
          state: 'HEALTH_STATE_ACTIVE',
          provider: expect.stringMatching(/openbao/i) as string,
          providerVersion: expect.stringMatching(/^\d+\.\d+\.\d+/) as string,
          endpoints: [expect.objectContaining({ state: 'HEALTH_STATE_ACTIVE' })],
        },
      });
    });

    test('A16 R-ERR-08 the own deadline without one, the caller’s deadline, and cancellation', async () => {
      const key = await newKey('deadline');
      await getKey(key);
      const call = { method: `${SERVICE_NAMES.keyOperation}/GetKey`, request: { parameters: parameters(key) } };
      customer.bao.pause();
      try {
        expect(await catalog.call(call)).toMatchObject({ code: 'DeadlineExceeded', message: 'the call took too long' });
        expect(await catalog.call({ ...call, deadlineMs: 50 })).toMatchObject({ code: 'DeadlineExceeded' });
        expect(await catalog.call({ ...call, cancelMs: 50 })).toMatchObject({ code: 'Canceled' });
      } finally {
        customer.bao.resume();
      }
      expect(await getKey(key)).toMatchObject({ code: 'OK' });
    });

    test(
      'A11 P24 R-PROC-28 the process stays healthy for CMK’s watcher while 64 callers work',
      async () => {
        const key = await newKey('watched');
        const request = { parameters: parameters(key), plaintext: toBase64('secret') };
        const encrypt = { method: `${SERVICE_NAMES.cryptoOperation}/Encrypt`, request };
        const ended = new AbortController();
        const load = catalog.repeat({ ...encrypt, callers: 64, durationMs: WATCH_MS }).finally(() => ended.abort());
        const seen: CallAnswer[] = [];
        while (!ended.signal.aborted) {
          seen.push(await checkHealth(catalog));
          await setTimeout(1000);
        }
        expect(new Set(seen.map(({ code, response }) => `${code} ${String(response?.status)}`))).toEqual(
          new Set(['OK SERVING']),
        );
        const { calls, codes } = await load;
        expect(codes).toEqual({ OK: calls });
      },
      WATCH_MS + 30_000,
    );
  });

  describe('B1 when the identity or the way there is wrong', () => {
    const getKeyOf = (catalog: Catalog, values: object, keyId = 'usable'): Promise<CallAnswer> =>
      callOperation(catalog, 'GetKey', { parameters: { keyId, config: { values } } });

    beforeAll(async () => {
      await createKey(customer.bao, { key: 'usable' });
    });

    test('R-ERR-02 a certificate that the customer’s OpenBao does not trust', async () => {
      const catalog = await load(customer.yaml('callCertificate'));
      const { certificatePem: clientCert, privateKeyPem: privateKey } = customer.stranger;
      const values = customer.values('callCertificate', { clientCert, privateKey });
      expect(await getKeyOf(catalog, values)).toMatchObject(EXACT.authentication);
      expect(await getKeyOf(catalog, customer.values('callCertificate'))).toMatchObject({ code: 'OK' });
      await catalog.close();
    });

    test('R-AUTH-02 a certificate with the private key of another', async () => {
      const catalog = await load(customer.yaml('callCertificate'));
      const values = customer.values('callCertificate', { privateKey: customer.stranger.privateKeyPem });
      expect(await getKeyOf(catalog, values)).toMatchObject({
        ...EXACT.accessData,
        reason: 'CANNOT_PARSE_DATA',
        metadata: { fields: 'privateKey' },
      });
      await catalog.close();
    });

    test('R-ERR-02 an AppRole whose secret id is refused', async () => {
      const auth = { method: 'approle', roleId: 'nobody', secretId: { source: 'embedded', value: 'wrong' } };
      const catalog = await load(customer.yaml('approle', { auth, development: true }));
      expect(await getKeyOf(catalog, {})).toMatchObject(EXACT.authentication);
      await catalog.close();
    });

    test('R-ERR-04 R-ERR-05 an address that nothing answers on', async () => {
      const allowedAddresses = [{ pattern: UNREACHABLE, privateAddresses: true }];
      const catalog = await load(customer.yaml('callCertificate', { openbao: { allowedAddresses } }));
      const values = customer.values('callCertificate', { address: UNREACHABLE });
      const answer = await getKeyOf(catalog, values);
      expect(answer).toMatchObject({ code: 'Unavailable', message: 'the keystore provider cannot be reached' });
      await catalog.close();
    });

    test('R-CONF-19 an address that the operator has not allowed', async () => {
      const catalog = await load(customer.yaml('callCertificate'));
      const values = customer.values('callCertificate', { address: 'https://bao.example.com:8200' });
      expect(await getKeyOf(catalog, values)).toMatchObject({ ...EXACT.accessData, metadata: { fields: 'address' } });
      await catalog.close();
    });

    test('R-KEY-05 a mount that does not exist', async () => {
      const catalog = await load(customer.yaml('callCertificate'));
      const values = customer.values('callCertificate', { mountPath: MISSING_MOUNT });
      expect(await getKeyOf(catalog, values)).toMatchObject(EXACT.getKey);
      await catalog.close();
    });
  });

  describe('A12 R-ERR-09 an empty request message', () => {
    // Most lack a key id; these lack nothing, since the process has an identity and a place of its own.
    const COMPLETE = ['ValidateKey', 'ValidateKeyAccessData', 'CheckHealth'];

    test.each(Object.keys(PLUGIN_TYPES) as PluginType[])('of every RPC of %s gets a status', async (type) => {
      const catalog = await load(type === OPERATIONS ? customer.yaml('approle') : '', type);
      const { named, unnamed } = PLUGIN_TYPES[type];
      for (const service of [...named, ...unnamed].filter((key) => key !== 'config')) {
        for (const { path } of Object.values<{ path: string }>(SERVICE_DEFINITIONS[service])) {
          const method = path.slice(1);
          const name = method.split('/')[1] ?? '';
          const refused = type === OPERATIONS ? 'InvalidArgument' : 'FailedPrecondition';
          const code = COMPLETE.includes(name) ? 'OK' : refused;
          const answer = await catalog.call({ method });
          expect({ method, code: answer.code, message: answer.message }).toEqual({
            method,
            code,
            message: code === 'OK' ? '' : (expect.stringMatching(/\w/) as string),
          });
        }
      }
      expect(await checkHealth(catalog)).toMatchObject({ code: 'OK', response: { status: 'SERVING' } });
      await catalog.close();
    });
  });

  test('A15 R-SEC-01 the host’s log at trace holds no secret', async () => {
    await createKey(customer.bao, { key: 'logged' });
    const plaintext = toBase64('the plaintext of a data key');
    for (const method of AUTH_METHODS) {
      const catalog = await load(customer.yaml(method));
      const values = customer.values(method);
      const parameters = { keyId: 'logged', config: { values } };
      const { response } = await callCrypto<Encrypted>(catalog, 'Encrypt', { parameters, plaintext });
      await callCrypto(catalog, 'Decrypt', { parameters, ciphertext: response!.ciphertext });
      await catalog.close();
      const log = JSON.stringify(await catalog.log());
      expect(log).toContain('plugin process exited');
      const secrets = [
        customer.secretId,
        customer.bao.rootToken,
        plaintext,
        fromBase64(plaintext),
        fromBase64(response!.ciphertext).slice('vault:v1:'.length),
        ...secretLines(customer.identity.privateKeyPem),
        ...secretLines(customer.identity.certificatePem),
      ];
      expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
      expect(log).not.toMatch(/\b(?:s|b|hvs|hvb)\.[A-Za-z0-9]{20,}/); // a token of OpenBao
    }
  });
});

function checkHealth(catalog: Catalog): Promise<CallAnswer> {
  return catalog.call({ method: 'grpc.health.v1.Health/Check', request: { service: 'plugin' }, deadlineMs: 5000 });
}

/** RFC 3339 times of equal zone; the number of fraction digits varies. */
function expectIncreasing(times: readonly string[]): void {
  const nanoseconds = times.map((time) => {
    const [, second = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(time) ?? [];
    return BigInt(Date.parse(`${second}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  });
  expect(nanoseconds).toEqual([...new Set(nanoseconds)].sort((a, b) => (a < b ? -1 : 1)));
}

function tampered(ciphertext: string): string {
  const at = 'vault:v1:'.length;
  const bytes = Buffer.from(ciphertext.slice(at), 'base64');
  bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
  return ciphertext.slice(0, at) + bytes.toString('base64');
}

function secretLines(pem: string): string[] {
  return pem.split('\n').filter((line) => line.length > 40 && !line.startsWith('-----'));
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
