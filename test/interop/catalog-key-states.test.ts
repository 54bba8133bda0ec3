import { randomUUID } from 'node:crypto';

import { enableCertAuth, readKey, writePolicy } from '../../scripts/openbao/setup.ts';
import { DENIED_KEY, STATE_MOUNT } from '../support/customer.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import { BUILD_MS, type CatalogStage, EXACT, setCatalogStage, UNREACHABLE } from './catalog-fixture.ts';
import { type TenantCalls, tenantCalls } from './tenant-calls.ts';

const DELETIONS = ['softDelete', 'destroy'] as const;
const OK = { code: 'OK' };

// May look at keys and change none.
const READER = 'reader';
const READER_POLICY = `
path "transit/keys/+" { capabilities = ["read"] }
path "${STATE_MOUNT}/data/+" { capabilities = ["read"] }
`;

describeWithGo('plugin-sdk catalog changes the state of keys as CMK does', () => {
  let stage: CatalogStage;
  // One process per setting of keys.deletion.
  const catalogs = new Map<(typeof DELETIONS)[number], Catalog>();

  beforeAll(async () => {
    stage = await setCatalogStage();
    const { authority, bao } = stage.customer;
    await writePolicy(bao, READER, READER_POLICY);
    await enableCertAuth(bao, { role: READER, policies: [READER], certificatePem: authority.certificatePem });
    const allowedAddresses = [bao.address, UNREACHABLE].map((pattern) => ({
      pattern,
      ca: { source: 'file', file: { path: bao.caFile } },
      privateAddresses: true,
    }));
    for (const deletion of DELETIONS) {
      const keys = { stateMount: STATE_MOUNT, deletion };
      const yaml = stage.customer.yaml('callCertificate', { keys, openbao: { allowedAddresses } });
      catalogs.set(deletion, await stage.load(yaml));
    }
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  const tenantOf = (deletion: (typeof DELETIONS)[number], changes: Record<string, unknown> = {}): TenantCalls =>
    tenantCalls(catalogs.get(deletion)!, stage.customer.values('callCertificate', changes));
  const expectStatus = async (tenant: TenantCalls, keyId: string, status: string): Promise<void> => {
    expect(await tenant.getKey(keyId)).toMatchObject({ code: 'OK', response: { status } });
  };
  const denied = (path: string, capability: string) => ({
    ...EXACT.authentication,
    reason: 'DENIED_BY_POLICY',
    metadata: { path, capability },
  });

  describe('B9 R-KEY-32 EnableKey and DisableKey', () => {
    test('may be repeated, and the next call sees what they did', async () => {
      const tenant = tenantOf('softDelete');
      const keyId = await tenant.newImportedKey();
      expect(await tenant.ofKey('DisableKey', keyId)).toMatchObject(OK);
      expect(await tenant.ofKey('DisableKey', keyId)).toMatchObject(OK);
      await expectStatus(tenant, keyId, 'DISABLED');
      expect(await tenant.createKey(keyId)).toMatchObject({ code: 'OK', response: { keyId, status: 'DISABLED' } });
      expect(await tenant.ofKey('EnableKey', keyId)).toMatchObject(OK);
      expect(await tenant.ofKey('EnableKey', keyId)).toMatchObject(OK);
      await expectStatus(tenant, keyId, 'ENABLED');
    });

    test.each(['EnableKey', 'DisableKey'])('find no key that is missing or waits for its material: %s', async (rpc) => {
      const tenant = tenantOf('softDelete');
      expect(await tenant.ofKey(rpc, randomUUID())).toMatchObject(EXACT.keyNotFound);
      const pending = await tenant.newPendingKey();
      expect(await tenant.ofKey(rpc, pending)).toMatchObject(EXACT.keyNotFound);
      await expectStatus(tenant, pending, 'PENDING_IMPORT');
    });

    test.each([
      ['EnableKey', 'soft-delete-restore', 'update'],
      ['DisableKey', 'soft-delete', 'delete'],
    ])('are told by the policy line that they lack: %s', async (rpc, verb, capability) => {
      const keyId = await tenantOf('softDelete').newImportedKey();
      const answer = await tenantOf('softDelete', { roleName: READER }).ofKey(rpc, keyId);
      expect(answer).toMatchObject(denied(`transit/keys/${keyId}/${verb}`, capability));
      await expectStatus(tenantOf('softDelete'), keyId, 'ENABLED');
    });
  });

  describe('B10 R-KEY-38 DeleteKey', () => {
    test('of a key that is to be kept disables it, and may be repeated', async () => {
      const tenant = tenantOf('softDelete');
      const keyId = await tenant.newImportedKey();
      expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      await expectStatus(tenant, keyId, 'DISABLED');
      expect(await tenant.ofKey('DeleteKey', keyId, { window: 30 })).toMatchObject(OK);
      await expectStatus(tenant, keyId, 'DISABLED');
    });

    test('of a key that is to be destroyed destroys it, and may be repeated; its name is free again', async () => {
      const tenant = tenantOf('destroy');
      const keyId = await tenant.newImportedKey();
      expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
      await expect(readKey(stage.customer.bao, { key: keyId })).rejects.toThrow('404');
      expect(await tenant.createKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'PENDING_IMPORT' } });
      const { issued, wrapped } = await tenant.wrapFor(keyId);
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject(OK);
      await expectStatus(tenant, keyId, 'ENABLED');
    });

    test('destroys a disabled key too', async () => {
      const tenant = tenantOf('destroy');
      const keyId = await tenant.newImportedKey();
      expect(await tenant.ofKey('DisableKey', keyId)).toMatchObject(OK);
      expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
    });

    test.each(DELETIONS)('of a key that was never imported, or never created, is done: %s', async (deletion) => {
      const tenant = tenantOf(deletion);
      const pending = await tenant.newPendingKey();
      for (const keyId of [pending, pending, randomUUID()]) {
        expect(await tenant.ofKey('DeleteKey', keyId)).toMatchObject(OK);
        expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
      }
    });

    test('is not scheduled: nobody here keeps the time', async () => {
      const tenant = tenantOf('destroy');
      const keyId = await tenant.newImportedKey();
      expect(await tenant.ofKey('DeleteKey', keyId, { window: 7 })).toMatchObject({
        code: 'FailedPrecondition',
        message: 'the key may not be deleted',
        reason: 'DELETION_NOT_ALLOWED',
      });
      expect(await tenant.ofKey('DeleteKey', keyId, { window: -1 })).toMatchObject({
        code: 'InvalidArgument',
        message: 'window must not be negative',
      });
      await expectStatus(tenant, keyId, 'ENABLED');
      expect(await tenant.ofKey('DeleteKey', keyId, { window: 0 })).toMatchObject(OK);
    });

    test.each([
      ['softDelete', 'soft-delete', 'delete'],
      ['destroy', 'config', 'update'],
    ] as const)('that the policy denies is an error, and the key stays: %s', async (deletion, verb, capability) => {
      const tenant = tenantOf(deletion);
      const keyId = await tenant.newImportedKey();
      const answer = await tenantOf(deletion, { roleName: READER }).ofKey('DeleteKey', keyId);
      expect(answer).toMatchObject(denied(`transit/keys/${keyId}/${verb}`, capability));
      await expectStatus(tenant, keyId, 'ENABLED');
      expect(await tenant.ofKey('DeleteKey', DENIED_KEY)).toMatchObject(denied(`transit/keys/${DENIED_KEY}`, 'read'));
    });

    test.each(DELETIONS)('that does not reach OpenBao is an error: %s', async (deletion) => {
      const answer = await tenantOf(deletion, { address: UNREACHABLE }).ofKey('DeleteKey', randomUUID());
      expect(answer).toMatchObject({ code: 'Unavailable', message: 'the keystore provider cannot be reached' });
    });
  });
});
