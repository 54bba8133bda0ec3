import { randomUUID } from 'node:crypto';

import { createKey, enableCertAuth, readKey, softDeleteKey, writePolicy } from '../../scripts/openbao/setup.ts';
import { STATE_MOUNT } from '../support/customer.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import { BUILD_MS, type CatalogStage, EXACT, setCatalogStage } from './catalog-fixture.ts';
import { importOf, type TenantCalls, tenantCalls } from './tenant-calls.ts';

const UNUSABLE = {
  code: 'FailedPrecondition',
  message: 'the key is of a kind that cannot serve as L1 key',
  reason: 'KEY_UNUSABLE',
};

// May look at keys and change none.
const READER = 'reader';
const READER_POLICY = `
path "transit/keys/+" { capabilities = ["read"] }
path "${STATE_MOUNT}/data/+" { capabilities = ["read"] }
`;
// The same, and may ask what it may.
const ASKER = 'asker';
const ASKER_POLICY = `${READER_POLICY}
path "sys/capabilities-self" { capabilities = ["update"] }
`;

describeWithGo('plugin-sdk catalog creates a key that may not be created', () => {
  let stage: CatalogStage;
  let catalog: Catalog;

  beforeAll(async () => {
    stage = await setCatalogStage();
    const { authority, bao } = stage.customer;
    const roles = [
      [READER, READER_POLICY],
      [ASKER, ASKER_POLICY],
    ] as const;
    for (const [role, policy] of roles) {
      await writePolicy(bao, role, policy);
      await enableCertAuth(bao, { role, policies: [role], certificatePem: authority.certificatePem });
    }
    const keys = { stateMount: STATE_MOUNT, deletion: 'destroy' };
    catalog = await stage.load(stage.customer.yaml('callCertificate', { keys }));
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  const tenantWith = (changes: Record<string, unknown> = {}): TenantCalls =>
    tenantCalls(catalog, stage.customer.values('callCertificate', changes));

  describe('R-KEY-30 CreateKey tells at once', () => {
    test.each([
      [ASKER, (id: string) => `transit/keys/${id}/import`, 'update'],
      [READER, (id: string) => `${STATE_MOUNT}/data/${id}`, 'create'],
    ])('that a right is missing: %s', async (roleName, path, capability) => {
      const id = randomUUID();
      expect(await tenantWith({ roleName }).createKey(id)).toMatchObject({
        ...EXACT.authentication,
        reason: 'DENIED_BY_POLICY',
        metadata: { path: path(id), capability },
      });
      expect(await tenantWith().getKey(id)).toMatchObject(EXACT.keyNotFound);
    });

    test('that the login is refused, which CMK repeats', async () => {
      const { certificatePem: clientCert, privateKeyPem: privateKey } = stage.customer.stranger;
      const answer = await tenantWith({ clientCert, privateKey }).createKey(randomUUID());
      expect(answer).toMatchObject(EXACT.authentication);
    });

    test.each([
      [{ algorithm: 'KEY_ALGORITHM_RSA3072' }, 'request is refused: the algorithm of a BYOK key must be AES256'],
      [{ algorithm: 'KEY_ALGORITHM_UNSPECIFIED' }, 'algorithm is not offered'],
      [{ keyType: 'KEY_TYPE_HYOK' }, 'key_type must be SYSTEM_MANAGED or BYOK'],
      [{ region: '' }, 'request is refused: the region is missing'],
      [{ id: '' }, 'id is missing'],
      [{ id: 'a/b' }, 'id is malformed'],
    ])('that it cannot be: %j', async (changes, message) => {
      const answer = await tenantWith().createKey(randomUUID(), changes);
      expect(answer).toMatchObject({ code: 'InvalidArgument', message, reason: 'INVALID_REQUEST' });
    });
  });

  describe('a name that is taken', () => {
    test('R-KEY-62 by a key that CMK can use is answered so that CMK finds it', async () => {
      const tenant = tenantWith();
      const [live, disabled] = [randomUUID(), randomUUID()];
      for (const key of [live, disabled]) await createKey(stage.customer.bao, { key });
      await softDeleteKey(stage.customer.bao, { key: disabled });
      for (const keyId of [live, disabled]) {
        expect(await tenant.createKey(keyId)).toMatchObject({ code: 'AlreadyExists', reason: 'KEY_EXISTS' });
      }
      expect(await tenant.getKey(live)).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
      expect(await tenant.getKey(disabled)).toMatchObject({ code: 'OK', response: { status: 'DISABLED' } });
    });

    // CMK takes an AlreadyExists for a key that it can read, and would wait for one that it cannot.
    test.each([
      ['an RSA key that can be an L1 key for others', { type: 'rsa-3072' }],
      ['an RSA key that cannot', { type: 'rsa-2048' }],
      ['a signing key', { type: 'ed25519' }],
      ['a derived key', { derived: true }],
    ])('R-KEY-06 R-KEY-30 by %s is refused in full', async (_, kind) => {
      const tenant = tenantWith();
      const keyId = randomUUID();
      await createKey(stage.customer.bao, { key: keyId, ...kind });
      expect(await tenant.createKey(keyId)).toMatchObject(UNUSABLE);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.getKey);
    });

    test.each([{ type: 'rsa-2048' }, { type: 'ed25519' }, { derived: true }])(
      'R-KEY-32 R-KEY-38 by a key of another kind is not touched: %j',
      async (kind) => {
        const keyId = randomUUID();
        await createKey(stage.customer.bao, { key: keyId, ...kind });
        const before = await readKey(stage.customer.bao, { key: keyId });
        const tenant = tenantWith();
        const { issued, wrapped } = await tenant.wrapFor(await tenant.newPendingKey());
        const forKey = { ...(JSON.parse(issued.providerParams!) as object), keyId };
        const imported = importOf({ ...issued, providerParams: JSON.stringify(forKey) }, wrapped);
        expect(await tenant.ofKey('EnableKey', keyId)).toMatchObject(UNUSABLE);
        expect(await tenant.ofKey('DisableKey', keyId)).toMatchObject(UNUSABLE);
        expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(UNUSABLE);
        expect(await tenant.ofKey('ImportKeyMaterial', keyId, imported)).toMatchObject(UNUSABLE);
        expect(await tenant.getImportParameters(keyId)).toMatchObject(UNUSABLE);
        expect(await readKey(stage.customer.bao, { key: keyId })).toEqual(before);
      },
    );
  });
});
