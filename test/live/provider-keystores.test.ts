import { status } from '@grpc/grpc-js';

import { KeystoreCreationStatus } from '../../proto/gen/plugin/keystore/management/v1/management.ts';
import { administer } from '../../scripts/openbao/setup.ts';
import {
  isAlive,
  ISOLATIONS,
  type KeystoreOperator,
  PREFIX,
  REGIONS,
  startKeystoreOperator,
} from '../support/keystore-operator.ts';
import { until } from '../support/until.ts';
import {
  type AccessData,
  come,
  CRYPTO,
  CRYPTO_SUBJECT,
  destroyKey,
  makeKey,
  openProviderStage,
  provider,
  type ProviderStage,
  SUBJECT,
} from './provider-stage.ts';

let operator: KeystoreOperator;
beforeAll(async () => {
  operator = await startKeystoreOperator();
});
afterAll(() => operator[Symbol.asyncDispose]());

describe.each(ISOLATIONS)('keystores in isolation %s', (isolation) => {
  let stage: ProviderStage;
  beforeAll(async () => {
    stage = await openProviderStage(operator, isolation);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('R-PROVIDER-01 CreateKeystore answers all that CMK needs, and every call makes another keystore', async () => {
    const [first, second] = [await stage.createKeystore(), await stage.createKeystore()];
    const { answer, name } = first;
    expect(name).toMatch(/^openkcm-[0-9a-f]{16}$/);
    expect(second.name).not.toBe(name);
    const namespace = isolation === 'namespace' ? `byok-namespace/${name}` : 'byok-mount';
    const mountPath = isolation === 'namespace' ? 'transit' : name;
    const access = { address: operator.bao.address, namespace, mountPath, authMountPath: 'cert' };
    const stateMountPath = isolation === 'namespace' ? 'keystore-state' : `${name}-state`;
    expect(answer).toEqual({
      config: undefined,
      roleManagementConfig: {
        localityId: name,
        commonName: `${name}-roles`,
        accessData: { values: { ...access, roleName: `${name}-roles` } },
      },
      keyManagementConfig: {
        localityId: name,
        commonName: `${name}-keys`,
        accessData: { values: { ...access, roleName: `${name}-keys`, stateMountPath } },
      },
      supportedRegions: REGIONS,
      status: KeystoreCreationStatus.KEYSTORE_CREATION_STATUS_ACTIVE,
      accountId: name,
      errorMessage: undefined,
      creationTime: { seconds: expect.any(BigInt) as bigint, nanos: expect.any(Number) as number },
    });
    expect(Math.abs(Number(answer.creationTime!.seconds) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('R-PROVIDER-01 its Transit mount has no key cache and no upsert, and its state mount keeps versions', async () => {
    const { namespace, state, transit } = await stage.createKeystore();
    const read = (path: string) => administer(operator.bao, 'GET', path, undefined, { namespace });
    const mounted = await read(`sys/mounts/${transit}`);
    expect(mounted).toMatchObject({ type: 'transit', config: { force_no_cache: true } });
    expect(mounted.description).toMatch(/^OpenKCM keystore, made by keystoreop-openbao at 20\d\d-/);
    expect(await read(`${transit}/config/keys`)).toMatchObject({ disable_upsert: true });
    expect(await read(`sys/mounts/${state}`)).toMatchObject({ type: 'kv', options: { version: '2' } });
  });

  it('R-PROVIDER-02 GetKeystoreStatus and FinalizeKeystoreSetup answer the same of it, and of no other name', async () => {
    const { answer, name } = await stage.createKeystore();
    const { keyManagementConfig, roleManagementConfig, status: active, supportedRegions } = answer;
    const { plugin } = stage;
    expect(await plugin.call(provider.getKeystoreStatus, { accountId: name })).toEqual({ status: active });
    expect(await plugin.call(provider.finalizeKeystoreSetup, { accountId: name, values: {} })).toEqual({
      roleManagementConfig,
      keyManagementConfig,
      supportedRegions,
      status: active,
    });
    for (const accountId of [`${PREFIX}0000000000000000`, `${name}0`, 'transit', '..', `${name}/x`]) {
      const missing = { code: status.NOT_FOUND, message: 'the keystore does not exist' };
      expect(await plugin.refusal(provider.getKeystoreStatus, { accountId })).toMatchObject(missing);
      expect(await plugin.refusal(provider.finalizeKeystoreSetup, { accountId, values: {} })).toMatchObject(missing);
    }
  });

  describe('R-PROVIDER-10 DeleteKeystore', () => {
    it('refuses a keystore that has a key, soft-deleted ones too, and its trust goes on', async () => {
      const keystore = await stage.createKeystore();
      const visitor = await come(
        operator,
        await operator.issue({ commonName: `${keystore.name}-keys` }),
        keystore.keyAccess,
      );
      const key = `${keystore.transit}/keys/k`;
      await makeKey(operator, keystore);
      const refused = { code: status.FAILED_PRECONDITION, message: 'the keystore still has keys' };
      const request = { config: { values: keystore.roleAccess } };
      expect(await stage.plugin.refusal(provider.deleteKeystore, request)).toMatchObject(refused);
      expect(await visitor.try('DELETE', `${key}/soft-delete`)).toBe(200);
      expect(await stage.plugin.refusal(provider.deleteKeystore, request)).toMatchObject(refused);
      expect(await visitor.try('POST', `${key}/soft-delete-restore`)).toBe(200);
      expect(await visitor.try('GET', key)).toBe(200);
    });

    it('gives back the trust that an earlier deletion took before its process ended', async () => {
      const keystore = await stage.createKeystore();
      const manager = await operator.issue({ commonName: `${keystore.name}-keys` });
      const visitor = await come(operator, manager, keystore.keyAccess);
      await makeKey(operator, keystore);
      const crypto = await stage.grant(keystore, CRYPTO, SUBJECT);
      for (const role of [keystore.keyAccess.roleName!, keystore.roleAccess.roleName!, crypto.roleName!]) {
        await administer(operator.bao, 'DELETE', `sys/policies/acl/${role}`, undefined, keystore);
      }
      expect(await visitor.try('GET', `${keystore.transit}/keys/k`)).toBe(403);
      const request = { config: { values: keystore.roleAccess } };
      expect(await stage.plugin.refusal(provider.deleteKeystore, request)).toMatchObject({
        code: status.FAILED_PRECONDITION,
        message: 'the keystore still has keys',
      });
      expect(await visitor.try('GET', `${keystore.transit}/keys/k`)).toBe(200);
      const user = await come(operator, await operator.issue(CRYPTO_SUBJECT), crypto);
      expect(await user.try('POST', `${keystore.transit}/encrypt/k`, { plaintext: 'eA==' })).toBe(200);
      await stage.grant(keystore, CRYPTO, SUBJECT);
    });

    it('removes everything that was made; one that is not there is done', async () => {
      const before = await operator.inventory(isolation);
      const keystore = await stage.createKeystore();
      await makeKey(operator, keystore);
      const crypto = await stage.grant(keystore, CRYPTO, SUBJECT);
      const visitor = await come(operator, await operator.issue(CRYPTO_SUBJECT), crypto);
      await destroyKey(operator, keystore);
      const request = { config: { values: keystore.keyAccess } };
      await stage.plugin.call(provider.deleteKeystore, request);
      await stage.untilAs(before);
      expect(await isAlive(operator, visitor.accessor, keystore.namespace)).toBe(false);
      await stage.plugin.call(provider.deleteKeystore, request);
      const missing = { code: status.NOT_FOUND, message: 'the keystore does not exist' };
      const { name: accountId } = keystore;
      expect(await stage.plugin.refusal(provider.getKeystoreStatus, { accountId })).toMatchObject(missing);
      // Trust went with it.
      await stage.removeTrust(keystore, crypto);
      const again = stage.grantRequest(keystore, CRYPTO, SUBJECT);
      expect(await stage.plugin.refusal(provider.grantTrust, again)).toMatchObject(missing);
    });
  });

  describe('R-PROVIDER-11 a keystore that cannot be made', () => {
    const needed = /namespaces|sys\/mounts|sys\/auth|config\/keys|wrapping_key|policies\/acl\/|certs\//;

    it('leaves nothing, whichever right the operator lacks', async () => {
      const rules = operator.rules(isolation);
      const before = await operator.inventory(isolation);
      const steps = rules.filter(({ path }) => needed.test(path));
      expect(steps).toHaveLength(isolation === 'namespace' ? 8 : 5);
      try {
        for (const lacking of steps) {
          await operator.setRules(
            isolation,
            rules.filter((rule) => rule !== lacking),
          );
          const { reason } = await stage.plugin.refusal(provider.createKeystore, { values: {} });
          expect([lacking.path, reason]).toEqual([lacking.path, 'DENIED_BY_POLICY']);
          await stage.untilAs(before);
        }
      } finally {
        await operator.setRules(isolation, rules);
      }
      expect(stage.leftOvers()).toEqual([]);
    });

    it('leaves nothing when its caller goes away meanwhile', async () => {
      const before = await operator.inventory(isolation);
      const call = stage.plugin.call(provider.createKeystore, { values: {} }, { deadline: Date.now() + 4000 });
      const failed = call.catch((error: unknown) => error);
      try {
        await until('the first part of a keystore', async () => {
          return JSON.stringify(await operator.inventory(isolation)) !== JSON.stringify(before);
        });
        operator.bao.pause();
        expect(await failed).toMatchObject({ code: status.DEADLINE_EXCEEDED });
      } finally {
        operator.bao.resume();
      }
      await stage.untilAs(before);
      expect(stage.leftOvers()).toEqual([]);
    });

    it('names in the log what could not be undone', async () => {
      const rules = operator.rules(isolation);
      const before = await operator.inventory(isolation);
      const first = isolation === 'namespace' ? 'sys/namespaces/' : 'sys/mounts/';
      const poor = rules
        .filter(({ path }) => !path.includes('policies/acl/'))
        .map((rule) => (rule.path.startsWith(first) ? { ...rule, capabilities: ['read', 'update'] as const } : rule));
      await operator.setRules(isolation, poor);
      try {
        await stage.plugin.refusal(provider.createKeystore, { values: {} });
      } finally {
        await operator.setRules(isolation, rules);
      }
      const { mounts, namespaces } = await operator.inventory(isolation);
      const known = [...before.namespaces, ...before.mounts];
      const name = [...namespaces, ...mounts].find((each) => !known.includes(each))!.slice(0, PREFIX.length + 16);
      const parts = isolation === 'namespace' ? ['namespace'] : ['state mount', 'Transit mount'];
      expect(stage.leftOvers()).toMatchObject(
        parts.map((part) => ({ '@level': 'error', keystore: name, left_over: part, class: 'permission-denied' })),
      );
      // Its name is all that is needed to remove it.
      await stage.plugin.call(provider.deleteKeystore, { config: { values: accessDataOf(name) } });
      await stage.untilAs(before);
    });

    const accessDataOf = (name: string): AccessData => ({
      address: operator.bao.address,
      namespace: isolation === 'namespace' ? `byok-namespace/${name}` : 'byok-mount',
      mountPath: isolation === 'namespace' ? 'transit' : name,
      authMountPath: 'cert',
      roleName: `${name}-roles`,
    });
  });

  it('R-PROVIDER-12 no log line carries a certificate, a key, a token or the secret id', async () => {
    const keystore = await stage.createKeystore();
    await stage.removeTrust(keystore, await stage.grant(keystore, CRYPTO, SUBJECT));
    const text = stage.plugin.logLines().join('\n');
    expect(text).toContain('trust granted');
    expect(text).toContain(`"role":"${keystore.name}-roles"`);
    expect(text).not.toMatch(/BEGIN|PRIVATE|\bs\.[A-Za-z0-9]{20}/);
    for (const secretId of operator.secretIds()) expect(text).not.toContain(secretId);
  });
});

it.each(ISOLATIONS)('R-PROVIDER-01 keystores in the root namespace: isolation %s', async (isolation) => {
  await using root = await startKeystoreOperator({ root: true });
  await using stage = await openProviderStage(root, isolation);
  const before = await root.inventory(isolation);
  const keystore = await stage.createKeystore();
  expect(keystore.roleAccess.namespace).toBe(isolation === 'namespace' ? keystore.name : undefined);
  const crypto = await stage.grant(keystore, CRYPTO, SUBJECT);
  await makeKey(root, keystore);
  const visitor = await come(root, await root.issue(CRYPTO_SUBJECT), crypto);
  expect(await visitor.try('POST', `${keystore.transit}/encrypt/k`, { plaintext: 'eA==' })).toBe(200);
  await destroyKey(root, keystore);
  await stage.removeTrust(keystore, crypto);
  expect(await isAlive(root, visitor.accessor, keystore.namespace)).toBe(false);
  await stage.plugin.call(provider.deleteKeystore, { config: { values: keystore.roleAccess } });
  await stage.untilAs(before);
});
