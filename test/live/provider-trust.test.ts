import { status } from '@grpc/grpc-js';

import { administer } from '../../scripts/openbao/setup.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import {
  isAlive,
  ISOLATIONS,
  type KeystoreOperator,
  startKeystoreOperator,
  visit,
  type Visitor,
} from '../support/keystore-operator.ts';
import { createAuthority } from '../support/pki.ts';
import {
  type AccessData,
  come,
  config,
  CRYPTO,
  CRYPTO_SUBJECT,
  type Keystore,
  makeKey,
  MANAGEMENT,
  openProviderStage,
  provider,
  type ProviderStage,
  SUBJECT,
  TENANT,
} from './provider-stage.ts';

const LET_IN = { accessor: expect.any(String) as string };

let operator: KeystoreOperator;
beforeAll(async () => {
  operator = await startKeystoreOperator();
});
afterAll(() => operator[Symbol.asyncDispose]());

describe.each(ISOLATIONS)('trust in keystores of isolation %s', (isolation) => {
  let stage: ProviderStage;
  let keystore: Keystore;
  let other: Keystore;
  let encrypt: readonly [method: string, path: string, body: object];

  beforeAll(async () => {
    stage = await openProviderStage(operator, isolation);
    [keystore, other] = [await stage.createKeystore(), await stage.createKeystore()];
    await makeKey(operator, keystore);
    encrypt = ['POST', `${keystore.transit}/encrypt/k`, { plaintext: 'eA==' }];
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const roles = () => administer(operator.bao, 'LIST', 'auth/cert/certs', undefined, keystore);

  it('R-PROVIDER-04 is for the very subject: another name, another unit or another authority is refused', async () => {
    const accessData = await stage.grant(keystore, CRYPTO, SUBJECT);
    const login = async (changes: { commonName?: string; organizationalUnits?: string[] }): Promise<Visitor | number> =>
      visit(operator, await operator.authority.issue({ ...CRYPTO_SUBJECT, ...changes }), accessData);
    expect(await login({})).toMatchObject(LET_IN);
    // OpenBao is content with one unit: it is the last that must be there.
    expect(await login({ organizationalUnits: ['0f2c'] })).toMatchObject(LET_IN);
    expect(await login({ organizationalUnits: ['Crypto/0f2c'] })).toMatchObject(LET_IN);
    for (const commonName of ['crypto-eu11', 'crypto-eu1', 'crypto-eu100', 'Crypto-eu10']) {
      expect([commonName, await login({ commonName })]).toEqual([commonName, 400]);
    }
    for (const organizationalUnits of [[], ['Crypto'], ['0f2d'], ['0F2C'], ['Crypto', '0f2'], ['0f2c/Crypto']]) {
      expect([organizationalUnits, await login({ organizationalUnits })]).toEqual([organizationalUnits, 400]);
    }
    const stranger = await createAuthority({ commonName: 'OpenKCM', algorithm: 'RSA-3072' });
    expect(await visit(operator, await stranger.issue(CRYPTO_SUBJECT), accessData)).toBe(400);
  });

  it('R-PROVIDER-03 management trust is for the very common name', async () => {
    const accessData = await stage.grant(keystore, MANAGEMENT, TENANT);
    const login = async (commonName: string): Promise<Visitor | number> =>
      visit(operator, await operator.authority.issue({ commonName }), accessData);
    expect(await login(TENANT)).toMatchObject(LET_IN);
    for (const commonName of ['cmk-byok-tenant-2', 'cmk-byok-tenant-', 'cmk-byok-tenant-10', 'CMK-byok-tenant-1']) {
      expect([commonName, await login(commonName)]).toEqual([commonName, 400]);
    }
  });

  describe('R-PROVIDER-06 GrantTrust and RemoveTrust', () => {
    it('want a certificate that may log in as the role management of that very keystore', async () => {
      const before = await roles();
      const foreign = await createAuthority({ commonName: 'OpenKCM', algorithm: 'RSA-3072' });
      const imposters = [
        await operator.authority.issue({ commonName: `${keystore.name}-keys` }),
        await operator.authority.issue({ commonName: `${keystore.name}-roles2` }),
        await foreign.issue({ commonName: `${keystore.name}-roles` }),
        other.roleManager,
      ];
      for (const imposter of imposters) {
        const values = operator.values(imposter, keystore.roleAccess);
        const refused = {
          code: status.INVALID_ARGUMENT,
          message: 'failed to authenticate with the keystore provider',
          reason: 'LOGIN_REFUSED',
        };
        const grant = { config: { values }, subject: SUBJECT, region: 'eu20', type: CRYPTO };
        const remove = { config: { values }, accessData: keystore.keyAccess };
        expect(await stage.plugin.refusal(provider.grantTrust, grant)).toMatchObject(refused);
        expect(await stage.plugin.refusal(provider.removeTrust, remove)).toMatchObject(refused);
      }
      const nobody = { config: { values: keystore.roleAccess }, subject: SUBJECT, region: 'eu20', type: CRYPTO };
      expect(await stage.plugin.refusal(provider.grantTrust, nobody)).toMatchObject({
        message: 'invalid key access data',
        reason: 'MISSING_FIELDS',
        metadata: { missingFields: 'clientCert,privateKey' },
      });
      expect(await roles()).toEqual(before);
    });

    it('take a certificate of an intermediate authority, whatever the order of its chain', async () => {
      const issuing = await operator.authority.subordinate({ commonName: 'Issuing' });
      const { certificatePem, privateKeyPem } = await issuing.issue({ commonName: `${keystore.name}-roles` });
      const identity = { certificatePem: `${issuing.certificatePem}${certificatePem}`, privateKeyPem };
      const config = { values: operator.values(identity, keystore.roleAccess) };
      const request = { config, subject: SUBJECT, region: 'chain', type: CRYPTO };
      expect(await stage.plugin.call(provider.grantTrust, request)).toHaveProperty('accessData.roleName');
    });

    it('leave no token of the proof behind', async () => {
      const count = async (): Promise<number> => {
        const answer = await operator.bao.request('LIST', 'auth/token/accessors', undefined, keystore);
        return answer.status === 404 ? 0 : (answer.body as { data: { keys: string[] } }).data.keys.length;
      };
      const before = await count();
      await stage.removeTrust(keystore, await stage.grant(keystore, CRYPTO, SUBJECT, 'proof'));
      expect(await count()).toBe(before);
    });

    it('take access data only as they were given out, whatever they would lead to', async () => {
      const before = await roles();
      const refusal = (access: Readonly<Record<string, unknown>>) =>
        stage.plugin.refusal(provider.grantTrust, {
          config: { values: operator.values(keystore.roleManager, access) },
          subject: SUBJECT,
          region: 'steered',
          type: CRYPTO,
        });
      const steered: readonly [change: Record<string, string>, field: string][] = [
        [{ address: 'https://127.0.0.1:1' }, 'address'],
        [{ namespace: isolation === 'mount' ? 'byok-namespace' : 'byok-mount' }, 'namespace'],
        [{ namespace: `${keystore.namespace}/below` }, 'namespace'],
        [{ mountPath: other.name }, isolation === 'mount' ? 'roleName' : 'mountPath'],
        [{ mountPath: 'transit2' }, 'mountPath'],
        [{ authMountPath: 'other' }, 'authMountPath'],
        [{ roleName: `${keystore.name}-keys` }, 'roleName'],
        [{ roleName: `${other.name}-roles` }, 'roleName'],
        [{ roleName: 'of-others' }, 'roleName'],
        [{ stateMountPath: 'keystore-state' }, 'stateMountPath'],
      ];
      for (const [change, fields] of steered) {
        const answer = await refusal({ ...keystore.roleAccess, ...change });
        expect([change, answer]).toMatchObject([change, { code: status.INVALID_ARGUMENT, metadata: { fields } }]);
      }
      for (const missingFields of ['address', 'namespace', 'mountPath', 'authMountPath', 'roleName']) {
        const { [missingFields]: _, ...rest } = keystore.roleAccess;
        expect(await refusal(rest)).toMatchObject({ reason: 'MISSING_FIELDS', metadata: { missingFields } });
      }
      expect(await roles()).toEqual(before);
    });

    it('do not take away the trust of another keystore, that of others, or the role management itself', async () => {
      const before = await roles();
      const config = { values: operator.values(keystore.roleManager, keystore.roleAccess) };
      for (const accessData of [
        other.keyAccess,
        keystore.roleAccess,
        { ...keystore.keyAccess, roleName: 'of-others' },
        { ...keystore.keyAccess, mountPath: 'transit2' },
        {},
      ]) {
        expect(await stage.plugin.refusal(provider.removeTrust, { config, accessData })).toMatchObject({
          code: status.INVALID_ARGUMENT,
          message: 'invalid key access data',
        });
      }
      expect(await roles()).toEqual(before);
    });
  });

  it.each([
    ['with a glob', CRYPTO, 'CN=*,OU=x'],
    ['with a glob', MANAGEMENT, 'cmk-*'],
    ['with a glob in a unit', CRYPTO, 'CN=crypto,OU=x/*'],
    ['with a control character', CRYPTO, 'CN=cry\npto,OU=x'],
    ['with a control character', MANAGEMENT, 'cmk\u0000'],
    ['out of order', CRYPTO, 'OU=x,CN=crypto'],
    ['with an escape', CRYPTO, 'CN=a\\,b'],
    ['too long', CRYPTO, `CN=${'x'.repeat(65)}`],
    ['too long', MANAGEMENT, 'x'.repeat(65)],
    ['of the other kind', CRYPTO, 'crypto'],
    ['of the other kind', MANAGEMENT, SUBJECT],
    ['that is missing', CRYPTO, ''],
  ])('R-PROVIDER-07 a subject %s is refused: %i %j', async (_, type, subject) => {
    const before = await roles();
    const request = stage.grantRequest(keystore, type, subject);
    expect(await stage.plugin.refusal(provider.grantTrust, request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      metadata: { fields: 'subject' },
    });
    expect(await roles()).toEqual(before);
  });

  it('R-PROVIDER-08 equal grants are one, at the same time too; another region has a role of its own', async () => {
    const answers: AccessData[] = await Promise.all(
      Array.from({ length: 6 }, () => stage.grant(keystore, CRYPTO, SUBJECT)),
    );
    const role = () => administer(operator.bao, 'GET', `auth/cert/certs/${answers[0]!.roleName!}`, undefined, keystore);
    const written = await role();
    // A second process knows nothing of the first.
    await using second = await startInProcessPlugin({ type: 'KeystoreProvider' });
    await second.call(config.configure, { yamlConfiguration: operator.providerYaml(isolation) });
    const both = [stage.plugin, second, stage.plugin, second].map((one) =>
      one.call(provider.grantTrust, stage.grantRequest(keystore, CRYPTO, SUBJECT)),
    );
    answers.push(...(await Promise.all(both)).map(({ accessData }) => accessData as AccessData));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await role()).toEqual(written);
    expect(written).toMatchObject({
      allowed_common_names: ['crypto-eu10'],
      allowed_organizational_units: ['0f2c', 'Crypto/0f2c'],
      token_no_default_policy: true,
      token_policies: [answers[0]!.roleName],
      token_ttl: 3600,
      token_max_ttl: 14_400,
    });
    const others = [
      await stage.grant(keystore, CRYPTO, SUBJECT, 'eu20'),
      await stage.grant(keystore, CRYPTO, 'CN=crypto-eu20'),
      await stage.grant(keystore, MANAGEMENT, TENANT),
    ];
    expect(new Set([answers[0]!, ...others].map(({ roleName }) => roleName)).size).toBe(4);
    expect(await stage.grant(keystore, MANAGEMENT, TENANT, 'eu20')).toEqual(others[2]);
  });

  describe('R-PROVIDER-09 RemoveTrust', () => {
    it('takes the rights of live tokens and the tokens at once, and those of no other role', async () => {
      const identity = await operator.issue(CRYPTO_SUBJECT);
      const gone = await stage.grant(keystore, CRYPTO, SUBJECT, 'gone');
      const stays = await stage.grant(keystore, CRYPTO, SUBJECT, 'stays');
      const victims = [await come(operator, identity, gone), await come(operator, identity, gone)];
      const bystander = await come(operator, identity, stays);
      for (const visitor of [...victims, bystander]) expect(await visitor.try(...encrypt)).toBe(200);

      await stage.removeTrust(keystore, gone);
      for (const victim of victims) {
        expect(await victim.try(...encrypt)).toBe(403);
        expect(await isAlive(operator, victim.accessor, keystore.namespace)).toBe(false);
      }
      expect(await visit(operator, identity, gone)).toBe(400);
      expect(await bystander.try(...encrypt)).toBe(200);
      expect(await visit(operator, identity, stays)).toMatchObject(LET_IN);
      await stage.removeTrust(keystore, gone);
      // Granted anew it is as before, except for the tokens of that time.
      expect(await stage.grant(keystore, CRYPTO, SUBJECT, 'gone')).toEqual(gone);
      expect(await (await come(operator, identity, gone)).try(...encrypt)).toBe(200);
      expect(await victims[0]!.try(...encrypt)).toBe(403);
    });

    it('and GrantTrust in two processes leave trust as a whole or not at all', async () => {
      const identity = await operator.issue(CRYPTO_SUBJECT);
      const accessData = await stage.grant(keystore, CRYPTO, SUBJECT, 'race');
      await using second = await startInProcessPlugin({ type: 'KeystoreProvider' });
      await second.call(config.configure, { yamlConfiguration: operator.providerYaml(isolation) });
      const names = async (path: string): Promise<readonly string[]> =>
        (await administer(operator.bao, 'LIST', path, undefined, keystore)).keys as string[];
      for (let round = 0; round < 12; round += 1) {
        await Promise.all([
          stage.removeTrust(keystore, accessData),
          second.call(provider.grantTrust, stage.grantRequest(keystore, CRYPTO, SUBJECT, 'race')),
        ]);
        const lists = [await names('sys/policies/acl'), await names('auth/cert/certs')];
        const [policy, role] = lists.map((list) => list.includes(accessData.roleName!));
        expect({ round, policy }).toEqual({ round, policy: role });
        const visitor = await visit(operator, identity, accessData);
        if (typeof visitor === 'number') expect(role).toBe(false);
        else expect(await visitor.try(...encrypt)).toBe(200);
      }
    });

    it('takes the trust that a keystore has from the start, too', async () => {
      const fresh = await stage.createKeystore();
      const manager = await operator.issue({ commonName: `${fresh.name}-keys` });
      const visitor = await come(operator, manager, fresh.keyAccess);
      const read = ['GET', `${fresh.transit}/wrapping_key`] as const;
      expect(await visitor.try(...read)).toBe(200);
      await stage.removeTrust(fresh, fresh.keyAccess);
      expect(await visitor.try(...read)).toBe(403);
      expect(await visit(operator, manager, fresh.keyAccess)).toBe(400);
    });

    it('takes the rights first: they are gone although the tokens cannot be found, and a repetition finds them', async () => {
      const identity = await operator.issue(CRYPTO_SUBJECT);
      const accessData = await stage.grant(keystore, CRYPTO, SUBJECT, 'first');
      const visitor = await come(operator, identity, accessData);
      expect(await visitor.try(...encrypt)).toBe(200);
      const rules = operator.rules(isolation);
      const lacking = rules.filter(({ path }) => !path.endsWith('auth/token/lookup-accessor'));
      await operator.setRules(isolation, lacking);
      try {
        const config = { values: operator.values(keystore.roleManager, keystore.roleAccess) };
        const refusal = await stage.plugin.refusal(provider.removeTrust, { config, accessData });
        expect(refusal.reason).toBe('DENIED_BY_POLICY');
      } finally {
        await operator.setRules(isolation, rules);
      }
      expect(await isAlive(operator, visitor.accessor, keystore.namespace)).toBe(true);
      expect(await visitor.try(...encrypt)).toBe(403);
      expect(await visit(operator, identity, accessData)).toBe(400);
      await stage.removeTrust(keystore, accessData);
      expect(await isAlive(operator, visitor.accessor, keystore.namespace)).toBe(false);
    });
  });
});
