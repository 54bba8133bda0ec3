import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { stringify } from 'yaml';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { type OpenBaoServer, startOpenBao } from '../../../scripts/openbao/server.ts';
import {
  administer,
  createKey,
  enableAppRole,
  leastPolicy,
  mountTransit,
  writePolicy,
} from '../../../scripts/openbao/setup.ts';
import { type ServingPlugin, startPlugin } from '../../support/plugin-process.ts';
import { rounds } from '../../support/scale.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { config, cryptoOperation } = SERVICE_DEFINITIONS;
const CALLERS = 64;
const REVOCATIONS = Math.max(3, rounds(15));
const BETWEEN_REVOCATIONS_MS = 2000;
const KEY = 'k';
const ROLE = 'openkcm';
const LOGIN = 'auth/approle/login';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let bao: OpenBaoServer;
let plugin: ServingPlugin;

beforeAll(async () => {
  folder = await temporaryFolder();
  bao = await startOpenBao({
    configuration: `audit "file" "logins" {\n  options { file_path = "${join(folder.path, 'audit')}" }\n}\n`,
  });
  plugin = await startPlugin();
  await mountTransit(bao);
  await createKey(bao, { key: KEY });
  await writePolicy(
    bao,
    ROLE,
    `${leastPolicy({ key: KEY })}path "sys/internal/ui/mounts/*" { capabilities = ["read"] }\n`,
  );
  const { roleId, secretId } = await enableAppRole(bao, { role: ROLE, policies: [ROLE] });
  const path = join(folder.path, 'secret-id');
  await writeFile(path, secretId, { mode: 0o600 });
  const yamlConfiguration = stringify({
    openbao: { addresses: [bao.address], ca: { source: 'file', file: { path: bao.caFile } } },
    auth: { method: 'approle', roleId, secretId: { source: 'file', file: { path } } },
    // A busy machine is not what is looked at here.
    limits: { readBudgetMs: 10_000 },
  });
  await plugin.call(config.configure, { yamlConfiguration });
});
afterAll(async () => {
  await plugin.stop();
  await bao.stop();
  await folder[Symbol.asyncDispose]();
});

/** How many logins the server has answered with a token, by its audit log. */
async function loginsAtServer(): Promise<number> {
  const lines = (await readFile(join(folder.path, 'audit'), 'utf8')).split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as { type: string; request?: { path?: string }; response?: { auth?: unknown } })
    .filter(({ request, response, type }) => type === 'response' && request?.path === LOGIN && response?.auth).length;
}

const loginsInLog = (): number => plugin.log().filter(({ message }) => message === 'logged in to OpenBao').length;

async function roundTrip(plaintext: Buffer): Promise<string> {
  const parameters = { keyId: KEY, config: undefined };
  try {
    const { ciphertext } = await plugin.call(cryptoOperation.encrypt, { parameters, plaintext });
    const answer = await plugin.call(cryptoOperation.decrypt, { parameters, ciphertext });
    return answer.plaintext.equals(plaintext) ? 'ok' : 'another plaintext';
  } catch (error) {
    return String(error);
  }
}

it(`R-AUTH-15 R-AUTH-62 ${REVOCATIONS} revocations under the load of ${CALLERS} callers cost a login each and no call`, async () => {
  expect(await roundTrip(Buffer.from('first'))).toBe('ok');
  const outcomes = new Map<string, number>();
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let round = 0; !isOver; round += 1) {
      const outcome = await roundTrip(Buffer.from(`${caller} ${round}`));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  });
  for (let revocation = 1; revocation <= REVOCATIONS; revocation += 1) {
    await setTimeout(BETWEEN_REVOCATIONS_MS);
    await administer(bao, 'POST', `sys/leases/revoke-prefix/${LOGIN}`);
  }
  await setTimeout(BETWEEN_REVOCATIONS_MS);
  isOver = true;
  await Promise.all(callers);
  expect([...outcomes.keys()]).toEqual(['ok']);
  // All of them were at work all the time.
  expect(outcomes.get('ok')).toBeGreaterThan(CALLERS * REVOCATIONS);
  expect(await loginsAtServer()).toBe(1 + REVOCATIONS);
  expect(loginsInLog()).toBe(1 + REVOCATIONS);
}, 300_000);
