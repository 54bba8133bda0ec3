import { status } from '@grpc/grpc-js';

import { KeyAlgorithm, KeyType } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { administer } from '../../scripts/openbao/setup.ts';
import { wrapKeyMaterial } from '../support/key-material.ts';
import {
  ISOLATIONS,
  type KeystoreOperator,
  startKeystoreOperator,
  type Visitor,
} from '../support/keystore-operator.ts';
import type { Identity } from '../support/pki.ts';
import {
  type AccessData,
  come,
  CRYPTO,
  CRYPTO_SUBJECT,
  cryptoOperation,
  type Keystore,
  keyOperation,
  makeKey,
  MANAGEMENT,
  openProviderStage,
  type ProviderStage,
  SUBJECT,
  TENANT,
} from './provider-stage.ts';

type Attempt = readonly [method: string, path: string, body?: object];

const PLAINTEXT = Buffer.from('x').toString('base64');

let operator: KeystoreOperator;
beforeAll(async () => {
  operator = await startKeystoreOperator();
});
afterAll(() => operator[Symbol.asyncDispose]());

describe.each(ISOLATIONS)('rights in a keystore of isolation %s', (isolation) => {
  let stage: ProviderStage;
  let keystore: Keystore;
  let other: Keystore;
  let ciphertext: string;

  beforeAll(async () => {
    stage = await openProviderStage(operator, isolation);
    [keystore, other] = [await stage.createKeystore(), await stage.createKeystore()];
    const { state, transit } = keystore;
    await makeKey(operator, keystore);
    await makeKey(operator, other);
    const encrypted = await administer(
      operator.bao,
      'POST',
      `${transit}/encrypt/k`,
      { plaintext: PLAINTEXT },
      keystore,
    );
    ciphertext = String(encrypted.ciphertext);
    await administer(operator.bao, 'POST', `${state}/data/k`, { data: { x: 1 } }, keystore);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  /** Checks that each is denied by policy, and is nothing that everybody is refused. */
  async function expectDenied(visitor: Visitor, { namespace }: Keystore, attempts: readonly Attempt[]): Promise<void> {
    const { token } = visitor;
    const outcomes = async (as: { token?: string }): Promise<Map<string, number>> => {
      const found = new Map<string, number>();
      for (const [method, path, body] of attempts) {
        const answer = await operator.bao.request(method, path, body, { namespace, ...as });
        found.set(`${method} ${path} ${JSON.stringify(body)}`, answer.status);
      }
      return found;
    };
    expect([...(await outcomes({ token }))].filter(([, answered]) => answered !== 403)).toEqual([]);
    expect([...(await outcomes({}))].filter(([, answered]) => answered === 403)).toEqual([]);
  }

  /** What nobody may do in a keystore, or in that of another. The last ones destroy. */
  const administration = (): Attempt[] => {
    const { name, transit } = keystore;
    return [
      ['GET', 'sys/mounts'],
      ['POST', 'sys/mounts/own', { type: 'transit' }],
      ['POST', `sys/mounts/${transit}/tune`, { description: 'x' }],
      ['GET', 'sys/auth'],
      ['LIST', 'sys/policies/acl'],
      ['GET', `sys/policies/acl/${name}-keys`],
      ['POST', `sys/policies/acl/${name}-own`, { policy: 'path "*" { capabilities = ["sudo"] }' }],
      ['LIST', 'auth/cert/certs'],
      ['GET', `auth/cert/certs/${name}-keys`],
      ['POST', `auth/cert/certs/${name}-own`, { certificate: operator.authority.certificatePem }],
      ['LIST', 'auth/token/accessors'],
      ['POST', 'auth/token/create', { policies: [`${name}-keys`] }],
      ['POST', 'sys/namespaces/own', {}],
      ['LIST', 'identity/entity/id'],
      ['GET', `${transit}/export/encryption-key/k`],
      ['GET', `${transit}/backup/k`],
      ['POST', `${transit}/restore/k2`, { backup: 'x' }],
      ['POST', `${transit}/rewrap/k`, { ciphertext }],
      ['POST', `${transit}/datakey/plaintext/k`],
      ['POST', `${transit}/datakey/wrapped/k`],
      ['POST', `${transit}/hmac/k`, { input: PLAINTEXT }],
      ['POST', `${transit}/random/32`],
      ['LIST', `${transit}/keys`],
      ['POST', `${transit}/keys/k/rotate`],
      ['POST', `${transit}/keys/k/trim`, { min_available_version: 1 }],
      ['POST', `${transit}/keys/k/csr`],
      ['POST', `${transit}/config/keys`, { disable_upsert: true }],
      ['POST', `${transit}/cache-config`, { size: 0 }],
    ];
  };
  const elsewhere = (): Attempt[] => [
    ['POST', `${other.transit}/encrypt/k`, { plaintext: PLAINTEXT }],
    ['POST', `${other.transit}/decrypt/k`, { ciphertext }],
    ['GET', `${other.transit}/keys/k`],
    ['POST', `${other.transit}/keys/n`, { type: 'aes256-gcm96' }],
    ['GET', `${other.state}/data/k`],
  ];

  describe.each(['of the keystore itself', 'granted'])('R-PROVIDER-03 key management %s', (kind) => {
    let accessData: AccessData;
    let identity: Identity;
    beforeAll(async () => {
      const first = kind !== 'granted';
      accessData = first ? keystore.keyAccess : await stage.grant(keystore, MANAGEMENT, TENANT);
      identity = await operator.issue({ commonName: first ? `${keystore.name}-keys` : TENANT, locality: 'any' });
    });

    it('takes a key through its whole life, by the operations plugin', async () => {
      const { operations } = stage;
      const values = operator.values(identity, accessData);
      const keyId = `7d7f2d0a-6ad0-4b46-9c5a-4cf0a3b2c00${kind.length % 10}`;
      const parameters = { keyId, config: { values } };
      const algorithm = KeyAlgorithm.KEY_ALGORITHM_AES256;
      const state = async (): Promise<string> => (await operations.call(keyOperation.getKey, { parameters })).status;

      const request = { config: { values }, algorithm, id: keyId, region: 'eu10', keyType: KeyType.KEY_TYPE_BYOK };
      expect(await operations.call(keyOperation.createKey, request)).toEqual({ keyId, status: 'PENDING_IMPORT' });
      expect(await state()).toBe('PENDING_IMPORT');
      const { importParameters } = await operations.call(keyOperation.getImportParameters, { parameters, algorithm });
      const { providerParams, publicKey } = importParameters as { providerParams: string; publicKey: string };
      await operations.call(keyOperation.importKeyMaterial, {
        parameters,
        importParameters: { providerParams },
        encryptedKeyMaterial: wrapKeyMaterial(publicKey, Buffer.alloc(32, 7)),
      });
      expect(await state()).toBe('ENABLED');
      expect((await operations.call(keyOperation.getKeyVersions, { parameters })).versions).toHaveLength(1);
      await operations.call(keyOperation.disableKey, { parameters });
      expect(await state()).toBe('DISABLED');
      await operations.call(keyOperation.enableKey, { parameters });
      expect(await state()).toBe('ENABLED');
      await operations.call(keyOperation.deleteKey, { parameters, window: undefined });
      expect(await operations.refusal(keyOperation.getKey, { parameters })).toMatchObject({ code: status.NOT_FOUND });
      // Nothing is left of it, so the name is good again.
      expect(await operations.call(keyOperation.createKey, request)).toEqual({ keyId, status: 'PENDING_IMPORT' });
      const managed = { ...request, id: `managed-${kind.length}`, keyType: KeyType.KEY_TYPE_SYSTEM_MANAGED };
      expect(await operations.call(keyOperation.createKey, managed)).toMatchObject({ status: 'ENABLED' });
    });

    it('can do nothing else', async () => {
      const visitor = await come(operator, identity, accessData);
      const { state, transit } = keystore;
      expect(await visitor.try('GET', `${transit}/keys/k`)).toBe(200);
      const material = { ciphertext: 'AAAA', hash_function: 'SHA256', type: 'aes256-gcm96' };
      await expectDenied(visitor, keystore, [
        ...administration(),
        ['POST', `${transit}/encrypt/k`, { plaintext: PLAINTEXT }],
        ['POST', `${transit}/decrypt/k`, { ciphertext }],
        ['POST', `${transit}/keys/k/config`, { exportable: false }],
        ['POST', `${transit}/keys/k/config`, { allow_plaintext_backup: false }],
        ['POST', `${transit}/keys/k/config`, { min_decryption_version: 1 }],
        ['POST', `${transit}/keys/k/config`, { auto_rotate_period: '2h' }],
        ['POST', `${transit}/keys/k/config`, { deletion_allowed: false, exportable: false }],
        ['POST', `${transit}/keys/n1`, { exportable: true }],
        ['POST', `${transit}/keys/n2`, { type: 'aes256-gcm96', allow_plaintext_backup: true }],
        ['POST', `${transit}/keys/n3`, { derived: true }],
        ['POST', `${transit}/keys/n4`, { auto_rotate_period: '2h' }],
        ['POST', `${transit}/keys/n5/import`, { ...material, exportable: true }],
        ['POST', `${transit}/keys/n5/import`, { ...material, allow_plaintext_backup: true }],
        ['POST', `${transit}/keys/n5/import`, { ...material, allow_rotation: true }],
        ['POST', `${transit}/keys/k/import_version`, material],
        ['LIST', `${state}/metadata`],
        ['POST', `${state}/config`, { max_versions: 1 }],
      ]);
      await expectDenied(visitor, other, elsewhere());
    });
  });

  describe('R-PROVIDER-04 crypto trust', () => {
    let accessData: AccessData;
    beforeAll(async () => {
      accessData = await stage.grant(keystore, CRYPTO, SUBJECT);
    });

    it('encrypts and decrypts with the certificate of the granted subject, by the operations plugin', async () => {
      const { namespace, transit: mountPath } = keystore;
      const roleName = expect.stringMatching(new RegExp(`^${keystore.name}-crypto-[0-9a-f]{32}$`)) as string;
      const { address } = operator.bao;
      expect(accessData).toEqual({ address, namespace, mountPath, authMountPath: 'cert', roleName });
      const values = operator.values(await operator.issue(CRYPTO_SUBJECT), accessData);
      const parameters = { keyId: 'k', config: { values } };
      const plaintext = Buffer.from('a key of the next level');
      const encrypted = await stage.operations.call(cryptoOperation.encrypt, { parameters, plaintext });
      const request = { parameters, ciphertext: encrypted.ciphertext };
      expect((await stage.operations.call(cryptoOperation.decrypt, request)).plaintext).toEqual(plaintext);
    });

    it('can do nothing else', async () => {
      const visitor = await come(operator, await operator.issue(CRYPTO_SUBJECT), accessData);
      const { state, transit } = keystore;
      expect(await visitor.try('POST', `${transit}/encrypt/k`, { plaintext: PLAINTEXT })).toBe(200);
      expect(await visitor.try('POST', `${transit}/decrypt/k`, { ciphertext })).toBe(200);
      // An upsert, which the mount refuses to everybody; to this role it is denied before.
      expect(await visitor.try('POST', `${transit}/encrypt/missing`, { plaintext: PLAINTEXT })).toBe(403);
      await expectDenied(visitor, other, elsewhere());
      await expectDenied(visitor, keystore, [
        ...administration(),
        ['GET', `${transit}/keys/k`],
        ['POST', `${transit}/keys/n6`],
        ['POST', `${transit}/keys/k/config`, { deletion_allowed: true }],
        ['POST', `${transit}/keys/k/soft-delete-restore`],
        ['POST', `${transit}/keys/n7/import`, { ciphertext: 'AAAA' }],
        ['GET', `${transit}/wrapping_key`],
        ['GET', `${transit}/config/keys`],
        ['GET', `${state}/data/k`],
        ['POST', `${state}/data/k`, { data: { x: 2 } }],
        ['LIST', `${state}/metadata`],
        ['DELETE', `${state}/metadata/k`],
        ['POST', 'sys/capabilities-self', { path: 'x' }],
        ['DELETE', `${transit}/keys/k/soft-delete`],
        ['DELETE', `${transit}/keys/k`],
      ]);
    });
  });

  it('R-PROVIDER-05 the role management of a keystore may log in, and nothing else', async () => {
    await makeKey(operator, keystore);
    const visitor = await come(operator, keystore.roleManager, keystore.roleAccess);
    const { state, transit } = keystore;
    await expectDenied(visitor, keystore, [
      ...administration(),
      ['GET', `${transit}/keys/k`],
      ['POST', `${transit}/keys/n8`, {}],
      ['POST', `${transit}/encrypt/k`, { plaintext: PLAINTEXT }],
      ['POST', `${transit}/decrypt/k`, { ciphertext }],
      ['GET', `${transit}/wrapping_key`],
      ['GET', `${state}/data/k`],
      ['POST', 'sys/capabilities-self', { path: 'x' }],
    ]);
    await expectDenied(visitor, other, elsewhere());
  });
});
