import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { administer, createKey } from '../../scripts/openbao/setup.ts';
import { AUTH_METHODS, type Customer, DENIED_KEY, startCustomer } from '../support/customer.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { startKeystoreOperator } from '../support/keystore-operator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const { config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const KEY = 'audited';
const PLAINTEXT = Buffer.from('a plaintext that no line shows');

let customer: Customer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let auditFile: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  auditFile = join(folder.path, 'audit');
  const configuration = `audit "file" "file" {\n  options {\n    file_path = "${auditFile}"\n  }\n}\n`;
  customer = await startCustomer({ configuration });
  await createKey(customer.bao, { key: KEY });
  const header = 'sys/config/auditing/request-headers/X-Correlation-Id';
  await administer(customer.bao, 'POST', header, { hmac: false });
});
afterAll(async () => {
  await customer[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface BaoRequest {
  readonly id: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
}

/** The requests that OpenBao has written down. */
async function baoRequests(): Promise<readonly BaoRequest[]> {
  const lines = (await readFile(auditFile, 'utf8')).split('\n').filter((line) => line !== '');
  const entries = lines.map((line) => JSON.parse(line) as { type: string; request: BaoRequest });
  return entries.filter(({ type }) => type === 'response').map(({ request }) => request);
}

it('R-AUDIT-01 calls of a provider have records, too', async () => {
  await using operator = await startKeystoreOperator();
  await using plugin = await startInProcessPlugin({ type: 'KeystoreProvider' });
  const audit = { level: 'warn', detail: 'full' };
  const yamlConfiguration = stringify({ ...(parse(operator.providerYaml('mount')) as object), audit });
  await plugin.call(config.configure, { yamlConfiguration });
  const { accountId = '' } = await plugin.call(SERVICE_DEFINITIONS.provider.createKeystore, { values: undefined });
  await plugin.call(SERVICE_DEFINITIONS.provider.getKeystoreStatus, { accountId });
  const entries = plugin.logLines().map((line) => JSON.parse(line) as Record<string, unknown>);
  const [, create, find] = entries.filter((entry) => entry['@message'] === 'audit');
  expect(create).toMatchObject({
    '@level': 'warn',
    rpc: 'CreateKeystore',
    outcome: 'ok',
    bao_address: operator.bao.address,
    auth_method: 'approle',
    bao_request_id: expect.stringMatching(/^[\w-]+( [\w-]+)+$/) as string,
  });
  expect(create?.attempt).toBeGreaterThan(2);
  expect(find).toMatchObject({ rpc: 'GetKeystoreStatus', keystore: accountId });
});

describe.each(AUTH_METHODS)('with the identity %s', (method) => {
  /** What is logged of one call of each kind. */
  async function run(audit: object | undefined) {
    await using plugin = await startInProcessPlugin();
    const changes = { ...(audit && { audit }), limits: { readBudgetMs: 10_000 } };
    await plugin.call(config.configure, { yamlConfiguration: customer.yaml(method, changes) });
    const of = (keyId: string) => ({ keyId, config: { values: customer.values(method) } });
    const parameters = of(KEY);
    const { ciphertext } = await plugin.call(cryptoOperation.encrypt, {
      parameters,
      plaintext: PLAINTEXT,
      requestId: 'caller-1',
    });
    await plugin.call(cryptoOperation.decrypt, { parameters, ciphertext });
    await plugin.call(keyOperation.getKey, { parameters });
    await plugin.refusal(keyOperation.getKey, { parameters: of(DENIED_KEY) });
    await plugin.refusal(keyOperation.getKey, { parameters: of('no key id/') });
    const lines = plugin.logLines();
    expect(lines.join('\n')).not.toContain(PLAINTEXT.toString());
    expect(lines.join('\n')).not.toContain(PLAINTEXT.toString('base64'));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('R-AUDIT-01 each call has one record, which OpenBao’s audit log can be joined with', async () => {
    const entries = await run({ level: 'info', detail: 'full' });
    expect(entries.filter((entry) => entry['@message'] === 'call')).toEqual([]);
    const records = entries.filter((entry) => entry['@message'] === 'audit');
    expect(records.map(({ rpc, outcome, grpc_code: code }) => [rpc, outcome, code])).toEqual([
      ['Configure', 'ok', 'OK'],
      ['Encrypt', 'ok', 'OK'],
      ['Decrypt', 'ok', 'OK'],
      ['GetKey', 'ok', 'OK'],
      ['GetKey', 'permission-denied', 'INVALID_ARGUMENT'],
      ['GetKey', 'invalid-request', 'INVALID_ARGUMENT'],
    ]);
    const [, encrypt, decrypt, getKey, denied, malformed] = records;
    const requests = await baoRequests();
    for (const [record, path] of [
      [encrypt, `transit/encrypt/${KEY}`],
      [decrypt, `transit/decrypt/${KEY}`],
      [getKey, `transit/keys/${KEY}`],
    ] as const) {
      expect(record).toMatchObject({
        '@level': 'info',
        key_name: KEY,
        key_version: expect.stringMatching(/^v?1$/) as string,
        bao_address: customer.bao.address,
        bao_namespace: '',
        bao_path: path,
        auth_method: method,
        token_accessor: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        attempt: expect.any(Number) as number,
        duration_ms: expect.any(Number) as number,
      });
      const ids = String(record?.bao_request_id).split(' ');
      const joined = requests.filter(({ id }) => ids.includes(id));
      expect(joined.map((request) => request.path)).toContain(path);
    }
    expect(encrypt).toMatchObject({ correlation_id: 'caller-1' });
    // OpenBao tells no id of what it denies; the correlation id leads there.
    expect(denied).toMatchObject({
      '@level': 'warn',
      reason: 'DENIED_BY_POLICY',
      key_name: DENIED_KEY,
      path: `transit/keys/${DENIED_KEY}`,
      capability: 'read',
    });
    const refused = requests.filter(({ headers }) =>
      headers?.['x-correlation-id']?.includes(String(denied?.correlation_id)),
    );
    expect(refused.map(({ path }) => path)).toContain(`transit/keys/${DENIED_KEY}`);
    expect(malformed).toMatchObject({ reason: 'INVALID_REQUEST', attempt: 0 });
    expect(malformed).not.toHaveProperty('bao_address');
    expect(malformed).not.toHaveProperty('key_name');
    expect(encrypt !== undefined && 'tenant_ref' in encrypt).toBe(method === 'callCertificate');
  });

  it('R-AUDIT-03 without the setting there is the log line of the call and no record', async () => {
    const entries = await run(undefined);
    expect(entries.filter((entry) => entry['@message'] === 'audit')).toEqual([]);
    const call = entries.find((entry) => entry['@message'] === 'call' && entry.rpc === 'Encrypt');
    expect(call).toMatchObject({ '@level': 'debug', key_id: KEY, request_id: 'caller-1' });
    expect(call).not.toHaveProperty('grpc_code');
  });
});
