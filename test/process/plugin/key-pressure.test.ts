import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';

import { stringify } from 'yaml';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { type RaftCluster, startRaftCluster } from '../../../scripts/openbao/raft-cluster.ts';
import { createKey, enableAppRole, mountTransit, writePolicy } from '../../../scripts/openbao/setup.ts';
import { countUnreadable, type Kept } from '../../live/key-pressure.ts';
import { type ServingPlugin, startPlugin } from '../../support/plugin-process.ts';
import { rounds } from '../../support/scale.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const { config, cryptoOperation, keyOperation } = SERVICE_DEFINITIONS;
const ROUNDS = rounds(200);
const KEYS_AT_ONCE = 10;
const RACES_PER_ROUND = 5;
const PATIENCE_MS = 20_000;
/** A node that has stepped down is not active again for 10 s: if it is elected in that time, there is no leader so long. */
const AGREEMENT_MS = 60_000;
const MOUNT = 'transit';
const ROLE = 'openkcm';
const POLICY = `
path "${MOUNT}/keys/+"                     { capabilities = ["read"] }
path "${MOUNT}/keys/+/soft-delete"         { capabilities = ["delete"] }
path "${MOUNT}/keys/+/soft-delete-restore" { capabilities = ["update"] }
path "${MOUNT}/encrypt/+"                  { capabilities = ["update"] }
path "auth/token/lookup-self"              { capabilities = ["read"] }
path "auth/token/renew-self"               { capabilities = ["update"] }
path "auth/token/revoke-self"              { capabilities = ["update"] }
`;

let cluster: RaftCluster;
let plugins: readonly [ServingPlugin, ServingPlugin];
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  cluster = await startRaftCluster();
  folder = await temporaryFolder();
  const active = await cluster.active();
  await mountTransit(active, { mount: MOUNT });
  await writePolicy(active, ROLE, POLICY);
  const { roleId, secretId } = await enableAppRole(active, { role: ROLE, policies: [ROLE] });
  const secretIdFile = join(folder.path, 'secret-id');
  await writeFile(secretIdFile, secretId, { mode: 0o600 });
  const yamlConfiguration = stringify({
    openbao: {
      addresses: cluster.nodes.map(({ address }) => address),
      ca: { source: 'file', file: { path: cluster.caFile } },
    },
    auth: { method: 'approle', roleId, secretId: { source: 'file', file: { path: secretIdFile } } },
    // Callers leave at random here, and not because a step-down takes its time.
    limits: { changeBudgetMs: 20_000, readBudgetMs: 10_000 },
  });
  const lifetimeMs = 600_000;
  plugins = [await startPlugin({ lifetimeMs }), await startPlugin({ lifetimeMs })];
  for (const plugin of plugins) await plugin.call(config.configure, { yamlConfiguration });
});
afterAll(async () => {
  for (const plugin of plugins) await plugin.stop();
  await cluster[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const parametersOf = (keyId: string) => ({ keyId, config: undefined });

/** One process disables the key while the other enables it; every third caller leaves before it has an answer. */
async function race(keyId: string): Promise<void> {
  const methods = [keyOperation.disableKey, keyOperation.enableKey];
  const changes = plugins.map((plugin, index) => {
    const patienceMs = randomInt(3) === 0 ? randomInt(1, 30) : PATIENCE_MS;
    const request = { parameters: parametersOf(keyId) };
    // Which of them wins is not told here: they change the key at the same time.
    return plugin.call(methods[index]!, request, { deadline: Date.now() + patienceMs }).catch(() => undefined);
  });
  await Promise.all(changes);
}

/** What a node itself holds of the key's state. */
async function softDeletedOn(node: RaftCluster['nodes'][number], key: string): Promise<unknown> {
  const headers = { 'X-Vault-No-Request-Forwarding': 'true' };
  const answer = await node.request('GET', `${MOUNT}/keys/${key}`, undefined, { headers });
  return (answer.body as { data?: { soft_deleted?: unknown } } | undefined)?.data?.soft_deleted;
}

async function encrypt(plugin: ServingPlugin, key: string): Promise<Kept> {
  const plaintext = Buffer.from(`${key} ${randomInt(1_000_000)}`);
  const { ciphertext } = await plugin.call(cryptoOperation.encrypt, { parameters: parametersOf(key), plaintext });
  return { mount: MOUNT, key, ciphertext: ciphertext.toString('latin1'), plaintext: plaintext.toString('base64') };
}

/** Whether every node holds the same state of a key, which one does not matter. */
async function allNodesAgree(key: string): Promise<boolean> {
  const states = await Promise.all(cluster.nodes.map((node) => softDeletedOn(node, key)));
  return states.every((state) => typeof state === 'boolean' && state === states[0]);
}

/** One key under pressure from both processes, then left alone, then used by both. */
async function pressAndUse(key: string): Promise<Kept[]> {
  await createKey(await cluster.active(), { mount: MOUNT, key });
  for (let races = 0; races < RACES_PER_ROUND; races += 1) {
    await race(key);
    // What was begun is carried through although its caller has left. Without the repair the nodes would never agree.
    await until('all nodes agree', () => allNodesAgree(key), AGREEMENT_MS);
  }
  for (const plugin of plugins) await plugin.call(keyOperation.enableKey, { parameters: parametersOf(key) });
  return Promise.all(plugins.map((plugin) => encrypt(plugin, key)));
}

it(`R-CHANGE-07 two processes change one key at once, callers leave, leaders change: nothing is lost in ${ROUNDS} rounds`, async () => {
  for (let round = 0; round < ROUNDS; round += KEYS_AT_ONCE) {
    const keys = Array.from({ length: KEYS_AT_ONCE }, (_, index) => `round-${round + index}`);
    const kept = (await Promise.all(keys.map(pressAndUse))).flat();
    await cluster.stepDown();
    expect(await countUnreadable(cluster, kept)).toBe(0);
  }
}, 600_000);
