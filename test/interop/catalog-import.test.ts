import { constants, publicEncrypt, randomBytes, randomUUID } from 'node:crypto';

import { createKey, enableCertAuth, mountTransit, readKey, writePolicy } from '../../scripts/openbao/setup.ts';
import { CUSTOMER_ROLE, STATE_MOUNT } from '../support/customer.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import { encryptOutside, wrapKeyMaterial } from '../support/key-material.ts';
import { BUILD_MS, type CatalogStage, EXACT, setCatalogStage } from './catalog-fixture.ts';
import {
  BAD_MATERIAL,
  HAS_MATERIAL,
  type ImportParameters,
  type TenantCalls,
  tenantCalls,
  type WrappedKey,
} from './tenant-calls.ts';

// A further Transit mount, and the role that may read its wrapping key.
const OTHER = 'other';

const KEYS = { stateMount: STATE_MOUNT };
const badParameters = (why: string) => ({
  code: 'InvalidArgument',
  message: `the import parameters ${why}`,
  reason: 'IMPORT_PARAMETERS_REJECTED',
});
const badRequest = (field: string, problem: string) => ({
  code: 'InvalidArgument',
  message: `${field} ${problem}`,
  reason: 'INVALID_REQUEST',
  metadata: { fields: field },
});

describeWithGo('plugin-sdk catalog imports key material, good and bad', () => {
  let stage: CatalogStage;
  let catalog: Catalog;
  let tenant: TenantCalls;

  beforeAll(async () => {
    stage = await setCatalogStage();
    const { authority, bao } = stage.customer;
    await mountTransit(bao, { mount: OTHER });
    await writePolicy(bao, OTHER, `path "${OTHER}/*" { capabilities = ["read"] }`);
    const policies = [CUSTOMER_ROLE, OTHER];
    await enableCertAuth(bao, { role: OTHER, policies, certificatePem: authority.certificatePem });
    catalog = await stage.load(stage.customer.yaml('callCertificate', { keys: KEYS }));
    tenant = tenantCalls(catalog, stage.customer.values('callCertificate'));
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  /** What is sent in place of something good. */
  type Spoil = (good: WrappedKey, keyId: string) => WrappedKey | Promise<WrappedKey>;

  const wrap =
    (bytes: number, hash?: string): Spoil =>
    (good) => ({ ...good, wrapped: wrapKeyMaterial(good.issued.publicKey!, randomBytes(bytes), hash) });
  const bytes =
    (change: (blob: Buffer) => Buffer): Spoil =>
    (good) => ({ ...good, wrapped: change(Buffer.from(good.wrapped, 'base64')).toString('base64') });
  const flipAt = (at: number): Spoil =>
    bytes((blob) => {
      blob.writeUInt8(blob.readUInt8(at) ^ 1, at);
      return blob;
    });
  const params =
    (change: (text: string) => string): Spoil =>
    (good) => ({ ...good, issued: withParams(good.issued, change(good.issued.providerParams!)) });
  const member =
    (changes: object): Spoil =>
    (good, keyId) =>
      params((text) => JSON.stringify({ ...(JSON.parse(text) as object), ...changes }))(good, keyId);

  test.each<[string, Spoil, object]>([
    ['a flipped bit in the RSA block', flipAt(100), BAD_MATERIAL],
    ['a flipped bit in the wrapped key', flipAt(530), BAD_MATERIAL],
    ['a byte too few', bytes((blob) => blob.subarray(1)), BAD_MATERIAL],
    ['a byte too many', bytes((blob) => Buffer.concat([blob, Buffer.of(0)])), BAD_MATERIAL],
    ['16 bytes of material', wrap(16), BAD_MATERIAL],
    ['31 bytes of material, which wrap to the right length', wrap(31), BAD_MATERIAL],
    ['64 bytes of material', wrap(64), BAD_MATERIAL],
    ['OAEP with SHA-1', wrap(32, 'sha1'), BAD_MATERIAL],
    ['material under RSA-OAEP alone', oaepOnly, BAD_MATERIAL],
    ['nothing at all', bytes(() => Buffer.alloc(0)), badRequest('encrypted_key_material', 'is missing')],
    [
      'no standard base64',
      (good) => ({ ...good, wrapped: `${good.wrapped} ` }),
      badRequest('encrypted_key_material', 'must be standard base64'),
    ],
    ['expired parameters', member({ expires: ago(1) }), badParameters('have expired')],
    [
      'parameters of another wrapping key',
      member({ wrappingKey: 'ab' }),
      badParameters('belong to another wrapping key'),
    ],
    ['parameters of another making', member({ version: 2 }), badParameters('were not issued here')],
    ['parameters spelt otherwise', params((text) => ` ${text}`), badParameters('were not issued here')],
    ['no parameters', params(() => ''), badRequest('import_parameters.providerParams', 'is missing')],
    [
      'parameters of another key',
      async (good) => ({ ...good, issued: (await tenant.wrapFor(await tenant.newPendingKey())).issued }),
      badParameters('belong to another key'),
    ],
    [
      'parameters of another mount',
      (_good, keyId) =>
        tenantCalls(catalog, stage.customer.values('callCertificate', { mountPath: OTHER, roleName: OTHER })).wrapFor(
          keyId,
        ),
      badParameters('belong to another place'),
    ],
  ])(
    'B8 R-KEY-39 with %s is refused in the same words each time, and a good one works after it',
    async (_, spoil, refusal) => {
      const keyId = await tenant.newPendingKey();
      const good = await tenant.wrapFor(keyId);
      const { issued, wrapped } = await spoil(good, keyId);
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject(refusal);
      expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject(refusal);
      expect(await tenant.getKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'PENDING_IMPORT' } });
      expect(await tenant.importKeyMaterial(keyId, good.issued, good.wrapped)).toMatchObject({ code: 'OK' });
      expect(await tenant.getKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
    },
  );

  test('B8 R-KEY-35 twice with the same material is one import, and with other material is refused', async () => {
    const keyId = await tenant.newPendingKey();
    const [first, other] = [await tenant.wrapFor(keyId), await tenant.wrapFor(keyId)];
    expect(await tenant.importKeyMaterial(keyId, first.issued, first.wrapped)).toMatchObject({ code: 'OK' });
    expect(await tenant.importKeyMaterial(keyId, first.issued, first.wrapped)).toMatchObject({ code: 'OK' });
    expect(await tenant.importKeyMaterial(keyId, other.issued, other.wrapped)).toMatchObject(HAS_MATERIAL);
    const plaintext = Buffer.from('still the first');
    expect(await tenant.decrypt(keyId, encryptOutside(first.material, plaintext))).toMatchObject({ code: 'OK' });
    expect(await readKey(stage.customer.bao, { key: keyId })).toMatchObject({ latest_version: 1 });
  });

  test('B8 R-KEY-35 into a key that appeared meanwhile is refused, and the key stays', async () => {
    const keyId = await tenant.newPendingKey();
    const { issued, wrapped } = await tenant.wrapFor(keyId);
    await createKey(stage.customer.bao, { key: keyId });
    expect(await tenant.importKeyMaterial(keyId, issued, wrapped)).toMatchObject(HAS_MATERIAL);
    expect(await tenant.getImportParameters(keyId)).toMatchObject(HAS_MATERIAL);
    expect(await readKey(stage.customer.bao, { key: keyId })).toMatchObject({ imported_key: false });
  });

  test('R-KEY-35 into a key that nobody has created finds none', async () => {
    const { issued, wrapped } = await tenant.wrapFor(await tenant.newPendingKey());
    const keyId = randomUUID();
    expect(await tenant.getImportParameters(keyId)).toMatchObject(EXACT.keyNotFound);
    const forKey = { ...(JSON.parse(issued.providerParams!) as object), keyId };
    expect(await tenant.importKeyMaterial(keyId, withParams(issued, JSON.stringify(forKey)), wrapped)).toMatchObject(
      EXACT.keyNotFound,
    );
  });

  test('R-SEC-01 leaves nothing of the material in the host’s log', async () => {
    const own = await stage.load(stage.customer.yaml('callCertificate', { keys: KEYS }));
    const caller = tenantCalls(own, stage.customer.values('callCertificate'));
    const keyId = await caller.newPendingKey();
    const { issued, material, wrapped } = await caller.wrapFor(keyId);
    const spoilt = await flipAt(530)({ issued, material, wrapped }, keyId);
    expect(await caller.importKeyMaterial(keyId, issued, spoilt.wrapped)).toMatchObject(BAD_MATERIAL);
    expect(await caller.importKeyMaterial(keyId, issued, wrapped)).toMatchObject({ code: 'OK' });
    await own.close();
    const log = JSON.stringify(await own.log());
    expect(log).toContain(keyId);
    const secrets = [wrapped.slice(0, 40), wrapped.slice(-40), material.toString('base64'), material.toString('hex')];
    expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
  });
});

function withParams(issued: ImportParameters, providerParams: string): ImportParameters {
  return { ...issued, providerParams };
}

function oaepOnly({ issued, material }: WrappedKey): WrappedKey {
  const key = { key: issued.publicKey!, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  return { issued, material, wrapped: publicEncrypt(key, material).toString('base64') };
}

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString();
}
