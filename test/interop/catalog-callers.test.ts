import { randomUUID } from 'node:crypto';

import { createKey, enableCertAuth, readKey, rotateKey, writePolicy } from '../../scripts/openbao/setup.ts';
import { startCountingServer } from '../support/counting-server.ts';
import { AUTH_METHODS, STATE_MOUNT } from '../support/customer.ts';
import type { CallAnswer } from '../support/go-answers.ts';
import { describeWithGo } from '../support/go.ts';
import type { Identity } from '../support/pki.ts';
import { rounds } from '../support/scale.ts';
import { until } from '../support/until.ts';
import { BUILD_MS, callOperation, type CatalogStage, EXACT, setCatalogStage, UNREACHABLE } from './catalog-fixture.ts';
import { importOf, type TenantCalls, tenantCalls } from './tenant-calls.ts';

const KEYS = { stateMount: STATE_MOUNT, deletion: 'destroy', region: 'eu10' };
// Catches a hang and measures nothing.
const HANG_MS = 30_000;

describeWithGo('plugin-sdk catalog with several callers', () => {
  let stage: CatalogStage;

  beforeAll(async () => {
    stage = await setCatalogStage();
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  describe('B11 R-AUTH-05 an old and a renewed certificate of one tenant in turns', () => {
    const RENEWAL = 'renewal';
    const NAMES = ['cmk-tenant-1-old', 'cmk-tenant-1-new'] as const;
    const TURNS = rounds(50);
    let identities: readonly Identity[];

    beforeAll(async () => {
      const { authority, bao } = stage.customer;
      const subject = { locality: 'eu10', algorithm: 'RSA-3072', keyFormat: 'pkcs1' } as const;
      identities = await Promise.all(NAMES.map((commonName) => authority.issue({ commonName, ...subject })));
      // In this mount each certificate leads to one key and no other.
      for (const name of NAMES) {
        await createKey(bao, { key: name });
        await writePolicy(bao, name, `path "transit/keys/${name}" { capabilities = ["read"] }`);
        const role = { mount: RENEWAL, role: name, policies: [name], allowedCommonNames: [name] };
        await enableCertAuth(bao, { ...role, certificatePem: authority.certificatePem });
      }
    });

    const tenantOf = (
      catalog: Awaited<ReturnType<CatalogStage['load']>>,
      index: number,
      changes: object,
    ): TenantCalls => {
      const { certificatePem: clientCert, privateKeyPem: privateKey } = identities[index]!;
      return tenantCalls(catalog, stage.customer.values('callCertificate', { clientCert, privateKey, ...changes }));
    };

    test('both work, and each sees what the other did', async () => {
      const catalog = await stage.load(stage.customer.yaml('callCertificate', { keys: KEYS }));
      const [older, newer] = [tenantOf(catalog, 0, {}), tenantOf(catalog, 1, {})];
      const keyId = await older.newPendingKey();
      const { issued, wrapped } = await newer.wrapFor(keyId);
      expect(await older.importKeyMaterial(keyId, issued, wrapped)).toMatchObject({ code: 'OK' });
      for (let turn = 0; turn < TURNS; turn += 1) {
        expect(await older.ofKey('DisableKey', keyId)).toMatchObject({ code: 'OK' });
        expect(await newer.getKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'DISABLED' } });
        expect(await newer.ofKey('EnableKey', keyId)).toMatchObject({ code: 'OK' });
        expect(await older.getKey(keyId)).toMatchObject({ code: 'OK', response: { status: 'ENABLED' } });
      }
      await catalog.close();
    });

    test('R-AUTH-04 neither uses the session of the other', async () => {
      const catalog = await stage.load(stage.customer.yaml('callCertificate'));
      // The calls differ in nothing but the certificate.
      const place = { authMountPath: RENEWAL, roleName: '' };
      const tenants = NAMES.map((_, index) => tenantOf(catalog, index, place));
      const round = () =>
        Promise.all(tenants.flatMap((tenant) => NAMES.map(async (name) => (await tenant.getKey(name)).message)));
      const refused = EXACT.authentication.message;
      for (let turn = 0; turn < TURNS; turn += 1) expect(await round()).toEqual(['', refused, refused, '']);
      await catalog.close();
    });
  });

  test('B12 R-ERR-04 a tenant goes on while the addresses of others are dead', async () => {
    const { authority, bao } = stage.customer;
    const dead = await startCountingServer();
    const allowedAddresses = [
      { pattern: bao.address, ca: { source: 'file', file: { path: bao.caFile } }, privateAddresses: true },
      { pattern: dead.address, ca: { value: dead.caPem }, privateAddresses: true },
      { pattern: UNREACHABLE, privateAddresses: true },
    ];
    // Long enough that only the end of the dead server ends its calls, and fewer turns than calls that wait for it.
    const limits = {
      readBudgetMs: 10_000,
      loginBudgetMs: 60_000,
      maxConcurrentCalls: 8,
      maxConcurrentCallsPerSession: 4,
    };
    const catalog = await stage.load(
      stage.customer.yaml('callCertificate', { development: true, openbao: { allowedAddresses }, limits }),
    );
    await createKey(bao, { key: 'going-on' });
    const tenantAt = (address: string, { certificatePem: clientCert, privateKeyPem: privateKey }: Identity) =>
      tenantCalls(catalog, stage.customer.values('callCertificate', { address, clientCert, privateKey }));
    const [tenant, hung, refused] = await Promise.all(
      [bao.address, dead.address, UNREACHABLE].map(async (address, index) =>
        tenantAt(address, await authority.issue({ commonName: `cmk-tenant-${index}`, algorithm: 'RSA-3072' })),
      ),
    );

    let hanging = 16;
    const ofHung = Array.from({ length: hanging }, () => hung!.getKey('going-on').finally(() => (hanging -= 1)));
    await until('a call that hangs', () => dead.seen.requests > 0);
    const ofRefused = Promise.all([1, 2, 3].map(() => refused!.getKey('going-on')));
    for (let n = 0; n < 10; n += 1) expect(await tenant!.getKey('going-on')).toMatchObject({ code: 'OK' });
    expect(hanging).toBe(16);
    expect(new Set((await ofRefused).map(({ code }) => code))).toEqual(new Set(['Unavailable']));
    await dead[Symbol.asyncDispose]();
    expect(new Set((await Promise.all(ofHung)).map(({ code }) => code))).toEqual(new Set(['Unavailable']));
    await catalog.close();
  });

  test.each(AUTH_METHODS)(
    'B16 R-KEY-02 R-KEY-43 the calls of one registration on a cold plugin: %s',
    async (method) => {
      const { bao } = stage.customer;
      const key = `registered-${method}`;
      await createKey(bao, { key });
      for (let n = 0; n < 2; n += 1) await rotateKey(bao, { key });
      const management = method === 'approle' ? {} : { address: bao.address, mountPath: 'transit' };
      const parameters = { keyId: key, config: { values: stage.customer.values(method) } };
      const catalog = await stage.load(stage.customer.yaml(method, { keys: KEYS }));
      const sequence: readonly (readonly [rpc: string, request: object])[] = [
        ['ValidateKeyAccessData', { management, crypto: { eu10: { address: bao.address } } }],
        ['ExtractKeyRegion', { nativeKeyId: key, managementAccessData: management }],
        ['GetKey', { parameters }],
        ['GetKeyVersions', { parameters }],
        ['GetKey', { parameters }],
        ['GetKeyVersions', { parameters }],
      ];
      const answers: CallAnswer[] = [];
      for (const [rpc, request] of sequence) answers.push(await callOperation(catalog, rpc, request));
      expect(answers.map(({ code, message }) => `${code} ${message}`.trim())).toEqual(sequence.map(() => 'OK'));
      const [valid, region, first, versions, second, again] = answers.map(({ response }) => response);
      expect(valid).toMatchObject({ isValid: true });
      expect(region).toEqual({ region: 'eu10' });
      expect(first).toMatchObject({ keyId: key, status: 'ENABLED', latestKeyVersionId: '3' });
      expect(versions).toMatchObject({ versions: [{ versionId: '1' }, { versionId: '2' }, { versionId: '3' }] });
      expect([second, again]).toEqual([first, versions]);
      await catalog.close();
    },
    HANG_MS,
  );

  describe('R-KEY-36 R-KEY-61 two processes of CMK on one tenant at the same time', () => {
    const PROCESSES = 2;
    const ROUNDS = rounds(30);

    test('answer alike and are in nobody’s way, through the whole life of a key', async () => {
      const { bao } = stage.customer;
      const yaml = stage.customer.yaml('callCertificate', { keys: KEYS });
      const catalogs = await Promise.all(Array.from({ length: PROCESSES }, () => stage.load(yaml)));
      const values = stage.customer.values('callCertificate');
      // Each makes the call twice, so that calls meet inside a process and between the two.
      const tenants = [...catalogs, ...catalogs].map((catalog) => tenantCalls(catalog, values));
      const alike = async <Response>(call: (tenant: TenantCalls) => Promise<CallAnswer<Response>>) => {
        const answers = (await Promise.all(tenants.map(call))).map(({ code, message, reason, response }) => ({
          code,
          message,
          reason,
          response,
        }));
        for (const answer of answers) expect(answer).toEqual(answers[0]);
        return answers[0]!;
      };

      for (let round = 0; round < ROUNDS; round += 1) {
        const keyId = randomUUID();
        expect(await alike((tenant) => tenant.createKey(keyId))).toMatchObject({
          code: 'OK',
          response: { keyId, status: 'PENDING_IMPORT' },
        });
        expect(await alike((tenant) => tenant.getKey(keyId))).toMatchObject({
          response: { status: 'PENDING_IMPORT' },
        });
        const parameters = await Promise.all(tenants.map((tenant) => tenant.wrapFor(keyId)));
        expect(new Set(parameters.map(({ issued }) => issued.publicKey)).size).toBe(1);
        const { issued, wrapped } = parameters[0]!;
        const request = importOf(issued, wrapped);
        expect(await alike((tenant) => tenant.ofKey('ImportKeyMaterial', keyId, request))).toMatchObject({
          code: 'OK',
        });
        expect(await readKey(bao, { key: keyId })).toMatchObject({ latest_version: 1, imported_key: true });
        expect(await alike((tenant) => tenant.getKeyVersions(keyId))).toMatchObject({
          response: { versions: [{ versionId: '1', status: 'ENABLED' }] },
        });
        for (const [rpc, status] of [
          ['DisableKey', 'DISABLED'],
          ['EnableKey', 'ENABLED'],
        ] as const) {
          expect(await alike((tenant) => tenant.ofKey(rpc, keyId))).toMatchObject({ code: 'OK' });
          expect(await alike((tenant) => tenant.getKey(keyId))).toMatchObject({ code: 'OK', response: { status } });
          expect(await alike((tenant) => tenant.createKey(keyId))).toMatchObject({ response: { keyId, status } });
        }
        expect(await alike((tenant) => tenant.ofKey('DeleteKey', keyId))).toMatchObject({ code: 'OK' });
        expect(await alike((tenant) => tenant.getKey(keyId))).toMatchObject(withoutIs(EXACT.keyNotFound));
      }
      for (const catalog of catalogs) await catalog.close();
    });
  });
});

function withoutIs({ code, message }: { readonly code: string; readonly message: string }): object {
  return { code, message };
}
