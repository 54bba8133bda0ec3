import { createPublicKey, randomBytes, randomUUID } from 'node:crypto';

import { AUTH_METHODS, STATE_MOUNT, type AuthMethod } from '../support/customer.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import { decryptOutside, encryptOutside, wrapKeyMaterial } from '../support/key-material.ts';
import { BUILD_MS, type CatalogStage, EXACT, setCatalogStage } from './catalog-fixture.ts';
import { BAD_MATERIAL, HAS_MATERIAL, type TenantCalls, tenantCalls } from './tenant-calls.ts';

describeWithGo('plugin-sdk catalog brings a tenant’s key as CMK does', () => {
  let stage: CatalogStage;

  beforeAll(async () => {
    stage = await setCatalogStage();
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  describe.each(AUTH_METHODS)('with the identity by %s', (method: AuthMethod) => {
    let catalog: Catalog;
    let tenant: TenantCalls;

    beforeAll(async () => {
      catalog = await stage.load(stage.customer.yaml(method, { keys: { stateMount: STATE_MOUNT } }));
      tenant = tenantCalls(catalog, stage.customer.values(method));
    });

    afterAll(async () => {
      await catalog.close();
    });

    test('B7 R-KEY-30 R-KEY-31 CreateKey twice, parameters, import, and the key is the one from outside', async () => {
      const id = randomUUID();
      const created = { code: 'OK', response: { keyId: id, status: 'PENDING_IMPORT' } };
      expect(await tenant.createKey(id)).toMatchObject(created);
      expect(await tenant.createKey(id)).toMatchObject(created);
      expect(await tenant.getKey(id)).toMatchObject({
        code: 'OK',
        response: { keyId: id, algorithm: 'KEY_ALGORITHM_AES256', status: 'PENDING_IMPORT', usage: 'ENCRYPT_DECRYPT' },
      });

      const { issued, material, wrapped } = await tenant.wrapFor(id);
      expect(await tenant.importKeyMaterial(id, issued, wrapped)).toMatchObject({ code: 'OK' });
      expect(await tenant.getKey(id)).toMatchObject({
        code: 'OK',
        response: { keyId: id, algorithm: 'KEY_ALGORITHM_AES256', status: 'ENABLED', latestKeyVersionId: '1' },
      });
      expect(await tenant.createKey(id)).toMatchObject({ code: 'OK', response: { keyId: id, status: 'ENABLED' } });

      const plaintext = randomBytes(48);
      const outside = await tenant.decrypt(id, encryptOutside(material, plaintext));
      expect(outside).toMatchObject({ code: 'OK', response: { plaintext: plaintext.toString('base64') } });
      const inside = await tenant.encrypt(id, plaintext);
      expect(decryptOutside(material, Buffer.from(inside.response!.ciphertext, 'base64'))).toEqual(plaintext);
    });

    test('B7 R-KEY-31 the parameters are what CMK can store, and several are alive at once', async () => {
      const keyId = await tenant.newPendingKey();
      const [first, second] = [await tenant.wrapFor(keyId), await tenant.wrapFor(keyId)];
      for (const { issued } of [first, second]) {
        expect(issued).toEqual({
          publicKey: expect.stringMatching(/^-----BEGIN PUBLIC KEY-----\n/) as string,
          wrappingAlgorithm: 'CKM_RSA_AES_KEY_WRAP',
          hashFunction: 'SHA256',
          providerParams: expect.stringMatching(/./) as string,
          algorithm: 'AES256',
          validTo: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/) as string,
        });
        expect(createPublicKey(issued.publicKey!).asymmetricKeyDetails).toMatchObject({ modulusLength: 4096 });
        const hours = (Date.parse(issued.validTo!) - Date.now()) / 3_600_000;
        expect(hours).toBeGreaterThan(23);
        expect(hours).toBeLessThanOrEqual(24);
      }
      expect(await tenant.importKeyMaterial(keyId, first.issued, second.wrapped)).toMatchObject({ code: 'OK' });
      expect(await tenant.getImportParameters(keyId)).toMatchObject(HAS_MATERIAL);
    });
  });

  describe('without a mount for the state of keys', () => {
    let catalog: Catalog;
    let tenant: TenantCalls;

    beforeAll(async () => {
      catalog = await stage.load(stage.customer.yaml('callCertificate'));
      tenant = tenantCalls(catalog, stage.customer.values('callCertificate'));
    });

    afterAll(async () => {
      await catalog.close();
    });

    test('R-KEY-30 R-KEY-31 a created key is pending for CMK only, and one import works', async () => {
      const keyId = await tenant.newPendingKey();
      expect(await tenant.createKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'PENDING_IMPORT' } });
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
      const { issued, wrapped } = await tenant.wrapFor(keyId);
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject({ code: 'OK' });
      expect(await tenant.getKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
      expect(await tenant.createKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
    });

    test('R-KEY-35 an existing key refuses every import, the repeated one included', async () => {
      const keyId = await tenant.newPendingKey();
      const { issued, wrapped } = await tenant.wrapFor(keyId);
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject({ code: 'OK' });
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject(HAS_MATERIAL);
      expect(await tenant.getImportParameters(keyId)).toMatchObject(HAS_MATERIAL);
    });

    test('R-KEY-39 a bad import leaves the name free for a good one', async () => {
      const keyId = await tenant.newPendingKey();
      const { issued, wrapped } = await tenant.wrapFor(keyId);
      const bad = wrapKeyMaterial(issued.publicKey!, randomBytes(32), 'sha1');
      expect(await tenant.importKeyMaterial(keyId, issued, bad)).toMatchObject(BAD_MATERIAL);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject({ code: 'OK' });
    });
  });
});
