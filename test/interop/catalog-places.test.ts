import { randomUUID } from 'node:crypto';

import { administer, createNamespace, enableCertAuth, mountState, writePolicy } from '../../scripts/openbao/setup.ts';
import { MISSING_MOUNT, STATE_MOUNT } from '../support/customer.ts';
import type { Catalog } from '../support/go-catalog.ts';
import { describeWithGo } from '../support/go.ts';
import { BUILD_MS, type CatalogStage, EXACT, setCatalogStage } from './catalog-fixture.ts';
import { importOf, type TenantCalls, tenantCalls, type WrappedKey } from './tenant-calls.ts';

// Keeps policies out of the way: what is refused here is refused for the place.
const WIDE = 'wide';
const WIDE_POLICY = 'path "*" { capabilities = ["create", "read", "update", "delete", "list"] }';

const [KV1, KV2] = ['first-kv', 'second-kv'];
const [NO_LOGIN, NO_TRANSIT, MISSING_NAMESPACE] = ['no-login', 'no-transit', 'no-namespace'];

/** Every RPC of the operations service that goes to OpenBao. */
const READS = ['GetKey', 'GetKeyVersions'];
const CHANGES = ['CreateKey', 'GetImportParameters', 'ImportKeyMaterial', 'EnableKey', 'DisableKey', 'DeleteKey'];

const NO_MOUNT = {
  code: 'FailedPrecondition',
  message: 'the Transit mount does not exist',
  reason: 'MOUNT_NOT_FOUND',
};
const NO_NAMESPACE = {
  code: 'FailedPrecondition',
  message: 'the namespace does not exist',
  reason: 'NAMESPACE_NOT_FOUND',
};

describeWithGo('plugin-sdk catalog asks for keys in a place that is not there', () => {
  let stage: CatalogStage;
  let catalog: Catalog;
  let good: WrappedKey;

  beforeAll(async () => {
    stage = await setCatalogStage();
    const { authority, bao } = stage.customer;
    await administer(bao, 'POST', `sys/mounts/${KV1}`, { type: 'kv', options: { version: '1' } });
    await mountState(bao, KV2);
    await administer(bao, 'POST', `${KV1}/keys/own`, { kept: 'here' });
    await administer(bao, 'POST', `${KV2}/data/own`, { data: { kept: 'here' } });
    for (const name of [NO_LOGIN, NO_TRANSIT]) await createNamespace(bao, name);
    for (const namespace of [undefined, NO_TRANSIT]) {
      await writePolicy(bao, WIDE, WIDE_POLICY, namespace);
      const role = { role: WIDE, policies: [WIDE], certificatePem: authority.certificatePem };
      await enableCertAuth(bao, { ...role, ...(namespace === undefined ? {} : { namespace }) });
    }
    const keys = { stateMount: STATE_MOUNT, deletion: 'destroy' };
    catalog = await stage.load(stage.customer.yaml('callCertificate', { keys }));
    good = await at({}).wrapFor(await at({}).newPendingKey());
  }, BUILD_MS);

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  const at = (changes: Record<string, unknown>): TenantCalls =>
    tenantCalls(catalog, stage.customer.values('callCertificate', { roleName: WIDE, ...changes }));

  /** Calls with a message that is good anywhere else; parameters of an import are those of the place. */
  async function call(rpc: string, keyId: string, place: Record<string, unknown>) {
    const tenant = at(place);
    if (rpc === 'CreateKey') return tenant.createKey(keyId);
    if (rpc === 'GetImportParameters') return tenant.getImportParameters(keyId);
    if (rpc !== 'ImportKeyMaterial') return tenant.ofKey(rpc, keyId);
    const { mountPath: mount = 'transit', namespace = '' } = place;
    const here = { ...(JSON.parse(good.issued.providerParams!) as object), keyId, mount, namespace };
    return tenant.ofKey(rpc, keyId, importOf({ ...good.issued, providerParams: JSON.stringify(here) }, good.wrapped));
  }

  test('all RPCs that are shown here work in a place that is there', async () => {
    const keyId = await at({}).newPendingKey();
    for (const rpc of CHANGES) expect([rpc, (await call(rpc, keyId, {})).code]).toEqual([rpc, 'OK']);
  });

  describe.each<[string, Record<string, unknown>, object, object]>([
    ['a mount that is missing', { mountPath: MISSING_MOUNT }, EXACT.getKey, NO_MOUNT],
    ['a KV mount of version 1', { mountPath: KV1 }, EXACT.getKey, NO_MOUNT],
    ['a KV mount of version 2', { mountPath: KV2 }, EXACT.getKey, NO_MOUNT],
    ['a namespace that is missing', { namespace: MISSING_NAMESPACE }, EXACT.getKey, NO_NAMESPACE],
    ['a namespace without the login', { namespace: NO_LOGIN }, EXACT.authentication, EXACT.authentication],
    ['a namespace without Transit', { namespace: NO_TRANSIT }, EXACT.getKey, NO_MOUNT],
  ])('%s', (_, place, ofReads, ofChanges) => {
    test.each([...READS.map((rpc) => [rpc, ofReads] as const), ...CHANGES.map((rpc) => [rpc, ofChanges] as const)])(
      'R-KEY-05 is never taken for a missing key: %s',
      async (rpc, refusal) => {
        expect(await call(rpc, randomUUID(), place)).toMatchObject(refusal);
      },
    );
  });

  test('R-KEY-05 a key-value store is left as it was', async () => {
    for (const folder of [`${KV1}/keys`, `${KV2}/metadata`]) {
      expect(await administer(stage.customer.bao, 'LIST', folder)).toEqual({ keys: ['own'] });
    }
  });

  test.each([MISSING_MOUNT, KV1, 'transit'])(
    'R-KEY-30 a state mount that is no KV version 2 makes no key pending: %s',
    async (stateMount) => {
      const own = await stage.load(stage.customer.yaml('callCertificate', { keys: { stateMount } }));
      const tenant = tenantCalls(own, stage.customer.values('callCertificate', { roleName: WIDE }));
      const keyId = randomUUID();
      expect(await tenant.createKey(keyId)).toMatchObject(NO_MOUNT);
      expect(await tenant.createKey(keyId)).toMatchObject(NO_MOUNT);
      expect(await tenant.getKey(keyId)).toMatchObject(EXACT.keyNotFound);
      await own.close();
    },
  );
});
