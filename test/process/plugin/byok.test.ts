import { randomBytes, randomUUID } from 'node:crypto';

import { type ServiceError, status } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { KeyAlgorithm, KeyType } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { administer } from '../../../scripts/openbao/setup.ts';
import { type Customer, startCustomer, STATE_MOUNT } from '../../support/customer.ts';
import { decryptOutside, encryptOutside, wrapKeyMaterial, wrapWithOpenssl } from '../../support/key-material.ts';
import { describeWithOpenssl } from '../../support/openssl.ts';
import { type ServingPlugin, startPlugin } from '../../support/plugin-process.ts';
import { rounds } from '../../support/scale.ts';

const { config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const AES256 = KeyAlgorithm.KEY_ALGORITHM_AES256;
const BYOK = KeyType.KEY_TYPE_BYOK;
const PROCESSES = 4;

let customer: Customer;
let plugins: readonly ServingPlugin[];

beforeAll(async () => {
  customer = await startCustomer();
  plugins = await Promise.all(Array.from({ length: PROCESSES }, () => startPlugin()));
  const yamlConfiguration = customer.yaml('callCertificate', { keys: { stateMount: STATE_MOUNT } });
  await Promise.all(plugins.map((plugin) => plugin.call(config.configure, { yamlConfiguration })));
});
afterAll(async () => {
  for (const plugin of plugins) await plugin.stop();
  await customer[Symbol.asyncDispose]();
});

const parametersOf = (keyId: string) => ({ keyId, config: { values: customer.values('callCertificate') } });

async function createKey(plugin: ServingPlugin): Promise<string> {
  const id = randomUUID();
  const request = { config: parametersOf(id).config, id, algorithm: AES256, keyType: BYOK, region: 'eu10' };
  expect(await plugin.call(keyOperation.createKey, request)).toEqual({ keyId: id, status: 'PENDING_IMPORT' });
  return id;
}

async function importParameters(plugin: ServingPlugin, keyId: string): Promise<Record<string, string>> {
  const request = { parameters: parametersOf(keyId), algorithm: AES256 };
  const { importParameters: parameters } = await plugin.call(keyOperation.getImportParameters, request);
  return parameters as Record<string, string>;
}

function importRequest(keyId: string, parameters: Record<string, string>, encryptedKeyMaterial: string) {
  // What CMK gives back of them.
  const { algorithm, providerParams } = parameters;
  return { parameters: parametersOf(keyId), importParameters: { algorithm, providerParams }, encryptedKeyMaterial };
}

async function versionsInTransit(keyId: string): Promise<unknown> {
  return (await administer(customer.bao, 'GET', `transit/keys/${keyId}`)).latest_version;
}

describeWithOpenssl('R-KEY-31 a tenant brings a key', () => {
  it('from parameters by OpenSSL to a key that works inside and outside alike', async () => {
    const [plugin] = plugins as [ServingPlugin];
    const keyId = await createKey(plugin);
    const parameters = parametersOf(keyId);
    expect(await plugin.call(keyOperation.getKey, { parameters })).toMatchObject({
      status: 'PENDING_IMPORT',
      algorithm: AES256,
    });
    const issued = await importParameters(plugin, keyId);
    const material = randomBytes(32);
    const wrapped = await wrapWithOpenssl(issued.publicKey!, material);
    await plugin.call(keyOperation.importKeyMaterial, importRequest(keyId, issued, wrapped));
    expect(await plugin.call(keyOperation.getKey, { parameters })).toMatchObject({
      status: 'ENABLED',
      latestKeyVersionId: '1',
    });

    const plaintext = randomBytes(48);
    const ciphertext = encryptOutside(material, plaintext);
    expect((await plugin.call(cryptoOperation.decrypt, { parameters, ciphertext })).plaintext).toEqual(plaintext);
    const inside = await plugin.call(cryptoOperation.encrypt, { parameters, plaintext });
    expect(decryptOutside(material, inside.ciphertext)).toEqual(plaintext);
    expect(plugins.flatMap(({ output }) => [output.stderr]).join()).not.toContain(wrapped.slice(0, 40));
  });
});

describe('R-KEY-36 four processes that import one name at once', () => {
  const ROUNDS = rounds(40);

  it(`with the same material all succeed, and the key has one version, ${ROUNDS} times`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const keyId = await createKey(plugins[round % PROCESSES]!);
      const issued = await importParameters(plugins[0]!, keyId);
      const request = importRequest(keyId, issued, wrapKeyMaterial(issued.publicKey!, randomBytes(32)));
      const results = plugins.map((plugin) => plugin.call(keyOperation.importKeyMaterial, request));
      expect(await Promise.all(results)).toEqual(plugins.map(() => ({})));
      expect(await versionsInTransit(keyId)).toBe(1);
    }
  });

  it(`with different material one succeeds and the others are told so, ${ROUNDS} times`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const keyId = await createKey(plugins[round % PROCESSES]!);
      const issued = await importParameters(plugins[0]!, keyId);
      const materials = plugins.map(() => randomBytes(32));
      const outcomes = await Promise.all(
        plugins.map((plugin, index) =>
          plugin
            .call(
              keyOperation.importKeyMaterial,
              importRequest(keyId, issued, wrapKeyMaterial(issued.publicKey!, materials[index]!)),
            )
            .then(
              () => 'imported',
              (error: unknown) => `${(error as ServiceError).code} ${(error as ServiceError).details}`,
            ),
        ),
      );
      // Whether the winner was still at it or done already.
      const refusal = /^9 (the key has key material already|another import of the key is under way)$/;
      expect(outcomes.filter((outcome) => refusal.test(outcome))).toHaveLength(PROCESSES - 1);
      expect(outcomes.filter((outcome) => outcome === 'imported')).toHaveLength(1);
      expect(await versionsInTransit(keyId)).toBe(1);
      // And the one that was told so is the one whose material it is.
      const plaintext = Buffer.from('round');
      const ciphertext = encryptOutside(materials[outcomes.indexOf('imported')]!, plaintext);
      const answer = await plugins[0]!.call(cryptoOperation.decrypt, { parameters: parametersOf(keyId), ciphertext });
      expect(answer.plaintext).toEqual(plaintext);
    }
  });
});

describe('R-KEY-37 a lease that its importer has left', () => {
  it('is taken over when its time is up', async () => {
    const [plugin] = plugins as [ServingPlugin];
    const keyId = await createKey(plugin);
    const issued = await importParameters(plugin, keyId);
    const left = { state: 'importing', blob: 'a'.repeat(64), algorithm: 'AES256', writer: randomUUID() };
    const write = (leaseUntil: number) =>
      administer(customer.bao, 'POST', `${STATE_MOUNT}/data/${keyId}`, { data: { ...left, leaseUntil } });
    const request = importRequest(keyId, issued, wrapKeyMaterial(issued.publicKey!, randomBytes(32)));
    await write(Date.now() + 60_000);
    expect(await plugin.refusal(keyOperation.importKeyMaterial, request)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'IMPORT_UNDER_WAY',
    });
    await write(Date.now() - 60_000);
    await plugin.call(keyOperation.importKeyMaterial, request);
    expect(await versionsInTransit(keyId)).toBe(1);
  });
});
