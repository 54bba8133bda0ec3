import { status } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { TrustType } from '../../../proto/gen/plugin/keystore/management/v1/management.ts';
import { type InProcessPlugin, startInProcessPlugin } from '../../support/in-process-plugin.ts';
import type { Method } from '../../support/plugin-connection.ts';

const { config, provider } = SERVICE_DEFINITIONS;

/** Every method, with a request that holds nothing. */
const EMPTY: readonly (readonly [name: string, method: Method<never, unknown>, request: object])[] = [
  ['CreateKeystore', provider.createKeystore, { values: undefined }],
  ['DeleteKeystore', provider.deleteKeystore, { config: undefined }],
  ['GrantTrust', provider.grantTrust, { config: undefined, subject: '', region: '', type: 0 }],
  ['RemoveTrust', provider.removeTrust, { config: undefined, accessData: undefined }],
  ['GetKeystoreStatus', provider.getKeystoreStatus, { accountId: '' }],
  ['FinalizeKeystoreSetup', provider.finalizeKeystoreSetup, { accountId: '', values: undefined }],
];

/** Good as a configuration; nothing listens there. */
const CONFIGURED = `
openbao: { addresses: ['https://127.0.0.1:1'] }
auth: { method: approle, roleId: r, secretId: { source: file, file: { path: /nonexistent } } }
provider: { ca: { source: file, file: { path: /nonexistent } } }
`;

let plugin: InProcessPlugin;
beforeAll(async () => {
  plugin = await startInProcessPlugin({ type: 'KeystoreProvider' });
});
afterAll(() => plugin[Symbol.asyncDispose]());

const refuse = (method: Method<never, unknown>, request: object) =>
  plugin.refusal(method as Method<object, unknown>, request);

test.each(EMPTY)('R-PROVIDER-22 before Configure %s says so', async (_, method, request) => {
  await using fresh = await startInProcessPlugin({ type: 'KeystoreProvider' });
  expect(await fresh.refusal(method as Method<object, unknown>, request)).toMatchObject({
    code: status.FAILED_PRECONDITION,
    reason: 'NOT_CONFIGURED',
  });
});

test.each(EMPTY)(
  'R-PROVIDER-22 without a provider in the configuration %s is not offered',
  async (_, method, request) => {
    await plugin.call(config.configure, { yamlConfiguration: 'supportedregions: { value: \'{"regions":[]}\' }' });
    expect(await refuse(method, request)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: 'this keystore does not offer the operation',
      reason: 'UNSUPPORTED',
    });
  },
);

describe('with one', () => {
  beforeAll(async () => {
    await plugin.call(config.configure, { yamlConfiguration: CONFIGURED });
  });

  test.each(EMPTY.slice(1))('R-PROVIDER-22 an empty %s is an invalid request', async (_, method, request) => {
    expect(await refuse(method, request)).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  const { TRUST_TYPE_CRYPTO: CRYPTO, TRUST_TYPE_MANAGEMENT: MANAGEMENT } = TrustType;
  test.each([
    ['type', { type: 0 }],
    ['type', { type: 3 }],
    ['subject', { type: CRYPTO, subject: '' }],
    ['subject', { type: MANAGEMENT, subject: '' }],
    ['subject', { type: CRYPTO, subject: 'not a name' }],
    ['region', { type: CRYPTO, region: '' }],
    ['region', { type: CRYPTO, region: 'x'.repeat(256) }],
    ['namespace,roleName', { type: CRYPTO }],
    ['namespace,roleName', { type: MANAGEMENT, subject: 'a', region: '' }],
  ])('R-PROVIDER-22 GrantTrust without a good %s: %j', async (fields, change) => {
    const request = { config: undefined, subject: 'CN=a', region: 'eu10', ...change };
    const { code, metadata } = await refuse(provider.grantTrust, request);
    expect([code, metadata?.fields ?? metadata?.missingFields]).toEqual([status.INVALID_ARGUMENT, fields]);
  });

  test('R-PROVIDER-22 authorities that cannot be read refuse the making of a keystore', async () => {
    const refusal = await refuse(provider.createKeystore, { values: {} });
    expect(refusal).toMatchObject({ code: status.UNAVAILABLE, reason: 'CREDENTIAL_UNREADABLE' });
  });

  test('R-PROVIDER-22 a request with members of hostile shape is refused, and the process serves on', async () => {
    const deep = JSON.parse(`${'{"a":'.repeat(30)}1${'}'.repeat(30)}`) as object;
    for (const values of [{ namespace: 1 }, { namespace: deep }, { roleName: ['x'] }, { mountPath: 'x'.repeat(1e6) }]) {
      const request = { config: { values }, accessData: values };
      expect(await refuse(provider.removeTrust as Method<never, unknown>, request)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        message: 'invalid key access data',
      });
    }
  });
});
