import { SERVICE_NAMES } from '../../keystore-contract/plugin-types.ts';
import { OpenBaoKeyAccessData } from '../../proto/gen/plugin/keystore/openbao/v1/access_data.ts';
import type { CallAnswer } from '../support/go-answers.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import {
  ISOLATIONS,
  type KeystoreOperator,
  PREFIX,
  REGIONS,
  startKeystoreOperator,
  visit,
} from '../support/keystore-operator.ts';
import type { Identity } from '../support/pki.ts';
import { BUILD_MS, callOperation, EXACT, type PluginStage, setPluginStage } from './catalog-fixture.ts';
import { type TenantCalls, tenantCalls } from './tenant-calls.ts';

type AccessData = Readonly<Record<string, string>>;

interface ManagementConfig {
  readonly localityId: string;
  readonly commonName: string;
  readonly accessData: { readonly values: AccessData };
}

interface CreateKeystoreResponse {
  readonly roleManagementConfig: ManagementConfig;
  readonly keyManagementConfig: ManagementConfig;
  readonly supportedRegions: readonly { readonly name: string; readonly technicalName: string }[];
}

const OK = { code: 'OK' };
const REGION = 'eu10';
const CRYPTO_DN = 'CN=crypto-eu10,OU=Crypto/0f2c,O=Example,L=eu10,C=DE';
const CRYPTO_SUBJECT = {
  commonName: 'crypto-eu10',
  organizationalUnits: ['Crypto', '0f2c'],
  organization: 'Example',
  locality: 'eu10',
  country: 'DE',
};
const TENANT = 'cmk-byok-tenant-1';

describeWithGo('plugin-sdk catalog keeps keystores as CMK does', () => {
  let stage: PluginStage;
  let operator: KeystoreOperator;

  beforeAll(async () => {
    stage = await setPluginStage();
    operator = await startKeystoreOperator();
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await operator[Symbol.asyncDispose]();
  });

  describe.each(ISOLATIONS)('in isolation %s', (isolation) => {
    let provider: Catalog;
    let operations: Catalog;
    let keystore: CreateKeystoreResponse;
    let roleManager: Identity;

    // A3: CMK has merged `supportedregions` into this text.
    beforeAll(async () => {
      provider = await stage.load(operator.providerYaml(isolation), 'KeystoreProvider');
      operations = await stage.load(operator.operationsYaml());
      keystore = await createKeystore();
      roleManager = await issueFor(keystore.roleManagementConfig);
    });

    afterAll(async () => {
      await provider.close();
      await operations.close();
    });

    const manage = <Response>(rpc: string, request: object): Promise<CallAnswer<Response>> =>
      provider.call<Response>({ method: `${SERVICE_NAMES.provider}/${rpc}`, request });
    async function createKeystore(): Promise<CreateKeystoreResponse> {
      const answer = await manage<CreateKeystoreResponse>('CreateKeystore', { values: {} });
      expect(answer).toMatchObject(OK);
      return answer.response!;
    }
    const issueFor = ({ commonName, localityId }: ManagementConfig): Promise<Identity> =>
      operator.issue({ commonName, locality: localityId });
    const roleConfig = () => ({
      values: operator.values(roleManager, keystore.roleManagementConfig.accessData.values),
    });
    const grantRequest = (type: 'MANAGEMENT' | 'CRYPTO', subject: string) => ({
      config: roleConfig(),
      subject,
      region: REGION,
      type: `TRUST_TYPE_${type}`,
    });
    const grant = async (type: 'MANAGEMENT' | 'CRYPTO', subject: string): Promise<AccessData> => {
      const answer = await manage<{ accessData: AccessData }>('GrantTrust', grantRequest(type, subject));
      expect(answer).toMatchObject(OK);
      return answer.response!.accessData;
    };
    const remove = (accessData: AccessData) => manage('RemoveTrust', { config: roleConfig(), accessData });
    const comeAs = (identity: Identity, accessData: AccessData): TenantCalls =>
      tenantCalls(operations, operator.values(identity, accessData));
    const keyManager = async (): Promise<TenantCalls> => {
      const { keyManagementConfig } = keystore;
      return comeAs(await issueFor(keyManagementConfig), keyManagementConfig.accessData.values);
    };

    test('A3 B15 R-PROVIDER-01 CreateKeystore answers CMK’s regions and two complete configurations', async () => {
      const other = await createKeystore();
      for (const { keyManagementConfig, roleManagementConfig, supportedRegions } of [keystore, other]) {
        expect(supportedRegions).toEqual(REGIONS);
        const { localityId: name } = roleManagementConfig;
        expect(name).toMatch(new RegExp(`^${PREFIX}[0-9a-f]{16}$`));
        for (const config of [roleManagementConfig, keyManagementConfig]) {
          expect(config).toMatchObject({ localityId: name, commonName: expect.stringContaining(name) as string });
          const { values } = config.accessData;
          expect(values).toMatchObject({ address: operator.bao.address, roleName: config.commonName });
          for (const value of Object.values(values)) expect(value).toMatch(/./);
        }
      }
      expect(other.roleManagementConfig.localityId).not.toBe(keystore.roleManagementConfig.localityId);
    });

    test('B15 R-PROVIDER-03 the first certificate of CMK takes a key through its life, and uses none', async () => {
      const tenant = await keyManager();
      const keyId = await tenant.newImportedKey();
      for (const [rpc, status] of [
        ['DisableKey', 'DISABLED'],
        ['EnableKey', 'ENABLED'],
      ] as const) {
        expect(await tenant.ofKey(rpc, keyId)).toMatchObject(OK);
        expect(await tenant.getKey(keyId)).toMatchObject({ code: 'OK', response: { status } });
      }
      expect(await tenant.encrypt(keyId, Buffer.from('x'))).toMatchObject({ code: 'PermissionDenied' });
      expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
    });

    test('B15 R-PROVIDER-03 R-PROVIDER-09 management trust lets the subject manage keys until it is removed', async () => {
      const accessData = await grant('MANAGEMENT', TENANT);
      expect(await grant('MANAGEMENT', TENANT)).toEqual(accessData);
      const identity = await operator.issue({ commonName: TENANT, locality: 'any' });
      const tenant = comeAs(identity, accessData);
      const keyId = await tenant.newImportedKey();
      expect(await tenant.encrypt(keyId, Buffer.from('x'))).toMatchObject({ code: 'PermissionDenied' });
      const neighbour = comeAs(await operator.issue({ commonName: `${TENANT}0` }), accessData);
      expect(await neighbour.getKey(keyId)).toMatchObject(EXACT.authentication);

      expect(await remove(accessData)).toMatchObject(OK);
      expect(await remove(accessData)).toMatchObject(OK);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.authentication);
      expect(await visit(operator, identity, accessData)).toBe(400);
      expect(await (await keyManager()).ofKey('DeleteKey', keyId)).toMatchObject(OK);
    });

    test('B15 R-PROVIDER-04 R-PROVIDER-09 crypto trust lets the subject use keys until it is removed', async () => {
      const manager = await keyManager();
      const keyId = await manager.newImportedKey();
      const accessData = await grant('CRYPTO', CRYPTO_DN);
      expect(await grant('CRYPTO', CRYPTO_DN)).toEqual(accessData);
      const identity = await operator.issue(CRYPTO_SUBJECT);
      const region = comeAs(identity, accessData);
      const plaintext = Buffer.from('a key of the next level');
      const encrypted = await region.encrypt(keyId, plaintext);
      expect(encrypted).toMatchObject(OK);
      const ciphertext = Buffer.from(encrypted.response!.ciphertext, 'base64');
      const opened = { code: 'OK', response: { plaintext: plaintext.toString('base64') } };
      expect(await region.decrypt(keyId, ciphertext)).toMatchObject(opened);

      // Rights to use and no more, and for this subject and no other.
      for (const rpc of ['GetKey', 'GetKeyVersions', 'EnableKey', 'DisableKey', 'DeleteKey']) {
        expect([rpc, await region.ofKey(rpc, keyId)]).toMatchObject([rpc, EXACT.authentication]);
      }
      expect(await region.createKey('another')).toMatchObject(EXACT.authentication);
      const stranger = comeAs(await operator.issue({ ...CRYPTO_SUBJECT, organizationalUnits: ['0f2d'] }), accessData);
      expect(await stranger.encrypt(keyId, plaintext)).toMatchObject({ code: 'Unauthenticated' });

      expect(await remove(accessData)).toMatchObject(OK);
      expect(await remove(accessData)).toMatchObject(OK);
      expect((await region.decrypt(keyId, ciphertext)).code).toMatch(/^(?:Unauthenticated|PermissionDenied)$/);
      expect(await visit(operator, identity, accessData)).toBe(400);
      expect(await manager.ofKey('DeleteKey', keyId)).toMatchObject(OK);
    });

    test('B15 R-KEY-52 what crypto trust answers is what the region’s operator is told', async () => {
      const accessData = await grant('CRYPTO', CRYPTO_DN);
      const input = { [REGION]: { certificateSubject: CRYPTO_DN, ...accessData } };
      const answer = await callOperation<{ transformedAccessData: Record<string, string> }>(
        operations,
        'TransformCryptoAccessData',
        { nativeKeyId: 'key-1', accessData: Buffer.from(JSON.stringify(input)).toString('base64') },
      );
      const bytes = Buffer.from(answer.response!.transformedAccessData[REGION] ?? '', 'base64');
      expect(OpenBaoKeyAccessData.decode(bytes)).toEqual({
        namespace: '',
        ...accessData,
        keyName: 'key-1',
        keyVersionId: '',
        caReference: '',
      });
    });

    test('B15 R-PROVIDER-06 trust is granted and removed for the role management of the keystore only', async () => {
      const { values } = keystore.keyManagementConfig.accessData;
      const imposter = await issueFor(keystore.keyManagementConfig);
      const config = { values: operator.values(imposter, keystore.roleManagementConfig.accessData.values) };
      const request = { ...grantRequest('CRYPTO', CRYPTO_DN), config };
      expect(await manage('GrantTrust', request)).toMatchObject(EXACT.authentication);
      expect(await manage('RemoveTrust', { config, accessData: values })).toMatchObject(EXACT.authentication);
      expect(await (await keyManager()).getKey('missing')).toMatchObject(EXACT.keyNotFound);
    });

    test('B15 R-PROVIDER-02 R-PROVIDER-10 a keystore is there until it is deleted, and that only without keys', async () => {
      const { localityId: accountId } = keystore.roleManagementConfig;
      const active = { status: 'KEYSTORE_CREATION_STATUS_ACTIVE' };
      expect(await manage('GetKeystoreStatus', { accountId })).toMatchObject({ code: 'OK', response: active });
      const { keyManagementConfig, roleManagementConfig } = keystore;
      expect(await manage('FinalizeKeystoreSetup', { accountId, values: {} })).toMatchObject({
        code: 'OK',
        response: { keyManagementConfig, roleManagementConfig, supportedRegions: REGIONS, ...active },
      });

      const manager = await keyManager();
      const keyId = await manager.newImportedKey();
      const request = { config: { values: roleManagementConfig.accessData.values } };
      const refused = { code: 'FailedPrecondition', message: 'the keystore still has keys' };
      expect(await manage('DeleteKeystore', request)).toMatchObject(refused);
      expect(await manager.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      expect(await manage('DeleteKeystore', request)).toMatchObject(OK);
      expect(await manage('DeleteKeystore', request)).toMatchObject(OK);
      const missing = { code: 'NotFound', message: 'the keystore does not exist' };
      expect(await manage('GetKeystoreStatus', { accountId })).toMatchObject(missing);
      expect(await manage('GrantTrust', grantRequest('CRYPTO', CRYPTO_DN))).toMatchObject(missing);
    });

    test('R-PROVIDER-12 R-SEC-01 the host’s log holds no secret', async () => {
      const log = JSON.stringify([await provider.log(), await operations.log()]);
      expect(log).toContain('trust granted');
      const secrets = [...operator.secretIds(), operator.bao.rootToken, ...secretLines(roleManager)];
      expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
      expect(log).not.toMatch(/\b(?:s|b|hvs|hvb)\.[A-Za-z0-9]{20,}|BEGIN/);
    });
  });
});

function secretLines({ certificatePem, privateKeyPem }: Identity): string[] {
  const lines = `${certificatePem}\n${privateKeyPem}`.split('\n');
  return lines.filter((line) => line.length > 40 && !line.startsWith('-----'));
}
