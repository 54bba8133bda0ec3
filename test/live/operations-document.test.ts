import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { status } from '@grpc/grpc-js';
import { parse, stringify } from 'yaml';

import { administer } from '../../scripts/openbao/setup.ts';
import { KeyAlgorithm, KeyType } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { type KeystoreOperator, startKeystoreOperator, visit } from '../support/keystore-operator.ts';
import { administratorShell, documentedBlocks as blocks } from '../support/operations-document.ts';
import { createAuthority } from '../support/pki.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  come,
  config,
  CRYPTO,
  CRYPTO_SUBJECT,
  destroyKey,
  keyOperation,
  makeKey,
  openProviderStage,
  provider,
  SUBJECT,
} from './provider-stage.ts';

const [NAMESPACE_POLICY = '', MOUNT_POLICY = ''] = blocks("The operator's policy", 'hcl');
const [SET_UP = '', SET_UP_MOUNT = ''] = blocks("The operator's policy", 'sh');
const [NEW_AUTHORITIES = ''] = blocks('Who may do what in a keystore', 'sh');
const [
  LIST_NAMESPACES = '',
  LIST_MOUNTS = '',
  LOOK_NAMESPACE = '',
  DELETE_NAMESPACE = '',
  LOOK_MOUNT = '',
  DELETE_MOUNT = '',
] = blocks('Keystores that nobody knows', 'sh');
const [REMOVE_TRUST = ''] = blocks('RemoveTrust', 'sh');
const [LOOK_STATE = '', FORGET_STATE = '', DESTROY_KEY = ''] = blocks('Keys that wait for their material', 'sh');

let operator: KeystoreOperator;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let run: ReturnType<typeof administratorShell>;
beforeAll(async () => {
  [operator, folder] = await Promise.all([startKeystoreOperator(), temporaryFolder()]);
  run = administratorShell(operator.bao, folder.path);
});
afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe('R-PROVIDER-14 the commands of docs/operations.md', () => {
  it.each([
    ['namespace', NAMESPACE_POLICY, SET_UP],
    ['mount', MOUNT_POLICY, `${SET_UP}${SET_UP_MOUNT}`],
  ] as const)(
    'set up an operator who can make and delete keystores: isolation %s',
    async (isolation, policy, setUp) => {
      await writeFile(join(folder.path, 'operator.hcl'), policy);
      const BAO_NAMESPACE = `documented-${isolation}`;
      await administer(operator.bao, 'POST', `sys/namespaces/${BAO_NAMESPACE}`);
      const [roleId, secretId] = (await run(setUp, { BAO_NAMESPACE })).match(
        /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
      )!;
      const documented = parse(operator.providerYaml(isolation)) as Record<string, object>;
      const yaml = stringify({
        ...documented,
        development: true,
        openbao: { ...documented.openbao, namespace: BAO_NAMESPACE },
        auth: { method: 'approle', roleId, secretId: { value: secretId } },
      });
      await using plugin = await startInProcessPlugin({ type: 'KeystoreProvider' });
      await plugin.call(config.configure, { yamlConfiguration: yaml });
      const { roleManagementConfig } = await plugin.call(provider.createKeystore, { values: {} });
      const values = roleManagementConfig!.accessData!.values;
      await plugin.call(provider.deleteKeystore, { config: { values } });
    },
  );

  it('the configuration is a good one', async () => {
    await using plugin = await startInProcessPlugin({ type: 'KeystoreProvider' });
    const [yamlConfiguration = ''] = blocks('Keystores for BYOK', 'yaml');
    expect(yamlConfiguration).not.toBe('');
    await plugin.call(config.configure, { yamlConfiguration });
  });

  const cases = [
    ['namespace', LIST_NAMESPACES, LOOK_NAMESPACE, DELETE_NAMESPACE],
    ['mount', LIST_MOUNTS, LOOK_MOUNT, DELETE_MOUNT],
  ] as const;
  it.each(cases)(
    'find and delete a keystore that nobody knows: isolation %s',
    async (isolation, list, look, remove) => {
      await using stage = await openProviderStage(operator, isolation);
      const before = await operator.inventory(isolation);
      const orphan = await stage.createKeystore();
      const crypto = await stage.grant(orphan, CRYPTO, SUBJECT);
      const variables = { BAO_NAMESPACE: operator.namespace(isolation), KEYSTORE: orphan.name };
      const made = new Date(Number(orphan.answer.creationTime!.seconds) * 1000).toISOString().slice(0, 19);
      const lines = (await run(list, variables)).split('\n').filter((line) => line.includes(orphan.name));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).toContain(made);

      expect(await run(look, variables)).toBe('Keys\n----\nimport/\n');
      await makeKey(operator, orphan);
      expect(await run(look, variables)).toBe('Keys\n----\nimport/\nk\n');
      await destroyKey(operator, orphan);

      const identity = await operator.issue(CRYPTO_SUBJECT);
      await come(operator, identity, crypto);
      await run(remove, variables);
      await stage.untilAs(before);
      expect(await visit(operator, identity, crypto)).toBe(isolation === 'namespace' ? 404 : 400);
    },
  );

  it('write new authorities into roles and leave all else in them as it was', async () => {
    await using stage = await openProviderStage(operator, 'namespace');
    const keystore = await stage.createKeystore();
    const crypto = await stage.grant(keystore, CRYPTO, SUBJECT);
    const next = await createAuthority({ commonName: 'OpenKCM 2' });
    await writeFile(
      join(folder.path, 'client-authorities.pem'),
      `${operator.authority.certificatePem}${next.certificatePem}`,
    );
    const readRoles = () =>
      Promise.all(
        [keystore.roleAccess, keystore.keyAccess, crypto].map(({ roleName = '' }) =>
          administer(operator.bao, 'GET', `auth/cert/certs/${roleName}`, undefined, keystore),
        ),
      );
    const before = await readRoles();
    const identity = await next.issue(CRYPTO_SUBJECT);
    expect(await visit(operator, identity, crypto)).toBe(400);
    await run(NEW_AUTHORITIES, { BAO_NAMESPACE: operator.namespace('namespace'), KEYSTORE: keystore.name });
    const after = await readRoles();
    expect(after.map((role) => ({ ...role, certificate: '' }))).toEqual(
      before.map((role) => ({ ...role, certificate: '' })),
    );
    await come(operator, identity, crypto);
    await come(operator, await operator.issue(CRYPTO_SUBJECT), crypto);
    const stranger = await next.issue({ ...CRYPTO_SUBJECT, commonName: 'crypto-eu11' });
    expect(await visit(operator, stranger, crypto)).toBe(400);
  });

  it('take trust away by hand', async () => {
    await using stage = await openProviderStage(operator, 'mount');
    const keystore = await stage.createKeystore();
    await makeKey(operator, keystore);
    const crypto = await stage.grant(keystore, CRYPTO, SUBJECT);
    const identity = await operator.issue(CRYPTO_SUBJECT);
    const visitor = await come(operator, identity, crypto);
    const encrypt = ['POST', `${keystore.transit}/encrypt/k`, { plaintext: 'eA==' }] as const;
    expect(await visitor.try(...encrypt)).toBe(200);
    await run(REMOVE_TRUST, { BAO_NAMESPACE: operator.namespace('mount'), ROLE: crypto.roleName! });
    expect(await visitor.try(...encrypt)).toBe(403);
    expect(await visit(operator, identity, crypto)).toBe(400);
  });

  it('look at the state of a key that waits, remove one that is not legible, and destroy a key', async () => {
    await using stage = await openProviderStage(operator, 'namespace');
    const keystore = await stage.createKeystore();
    const KEY = '7d7f2d0a-6ad0-4b46-9c5a-4cf0a3b2c001';
    const identity = await operator.issue({ commonName: `${keystore.name}-keys`, locality: 'any' });
    const callConfig = { values: operator.values(identity, keystore.keyAccess) };
    const create = () =>
      stage.operations.call(keyOperation.createKey, {
        ...{ config: callConfig, id: KEY, region: 'eu10' },
        algorithm: KeyAlgorithm.KEY_ALGORITHM_AES256,
        keyType: KeyType.KEY_TYPE_BYOK,
      });
    const variables = { BAO_NAMESPACE: operator.namespace('namespace'), KEYSTORE: keystore.name, KEY };
    await create();
    expect(await run(LOOK_STATE, variables)).toMatch(/^state +pending$/m);

    await administer(operator.bao, 'POST', `${keystore.state}/data/${KEY}`, { data: { state: 'no state' } }, keystore);
    const parameters = { keyId: KEY, config: callConfig };
    expect(await stage.operations.refusal(keyOperation.getKey, { parameters })).toMatchObject({
      code: status.INTERNAL,
    });
    await run(FORGET_STATE, variables);
    expect(await create()).toEqual({ keyId: KEY, status: 'PENDING_IMPORT' });

    await makeKey(operator, keystore, KEY);
    await run(DESTROY_KEY, variables);
    const keys = await operator.bao.request('GET', `${keystore.transit}/keys/${KEY}`, undefined, keystore);
    expect(keys.status).toBe(404);
  });
});
