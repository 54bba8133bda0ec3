import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { type KeyOperation, policyOf, type PolicyRole, toRules } from '../../src/openbao/policies/least-policies.ts';
import { startOpenBao } from '../../scripts/openbao/server.ts';
import {
  administer,
  createKey,
  enableAppRole,
  mountState,
  mountTransit,
  writePolicy,
} from '../../scripts/openbao/setup.ts';
import { formatPolicy } from '../../src/openbao/provider/policy.ts';
import { connectionSubject } from '../support/conformance-subject.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { printedPolicy } from '../support/printed-policy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openLiveKeystore } from './live-keystore.ts';
import { KEY, KEY_OPERATIONS, outcomeOf, type Plugins } from './policy-operations.ts';
import { LEASE_S, type TokenHolder, type TokenStage } from './token-lines.ts';

/** What stands for the placeholders of policies. */
const NAMES = { m: 'transit', s: 'keystore-state', k: KEY };

const POOR = 'poor';
const STEWARD = 'steward';
const PLAINTEXT = Buffer.from('plaintext');

/** An OpenBao with an identity that has some lines of a policy, and one that has all. */
export interface PolicyStage extends Omit<TokenStage, 'open'>, AsyncDisposable {
  /** `OK`, or the reason of the refusal, of an operation for which everything but the lines is there. */
  outcome(operation: KeyOperation): Promise<string>;
  /** Gives the identity the policy of a role as the command `policy` prints it, and no other right. */
  grantPrinted(role: PolicyRole): Promise<void>;
  /** A keystore with the identity; its `use` is one of the role. */
  open(role: PolicyRole, ...options: Parameters<TokenStage['open']>): Promise<TokenHolder>;
  /** Ends every token of an AppRole. */
  revokeTokens(): Promise<void>;
}

export async function openPolicyStage(): Promise<PolicyStage> {
  await using resources = new AsyncDisposableStack();
  const bao = resources.use(await startOpenBao());
  const folder = resources.use(await temporaryFolder());
  await mountTransit(bao, { mount: NAMES.m });
  await mountState(bao, NAMES.s);
  await createKey(bao, { key: KEY, mount: NAMES.m });
  await writePolicy(bao, STEWARD, policyOf(['byok-management', 'crypto'], NAMES));

  const file = (name: string): object => ({ source: 'file', file: { path: join(folder.path, name) } });
  const write = (name: string, text: string) => writeFile(join(folder.path, name), text, { mode: 0o600 });
  const appRole = async (role: string): Promise<object> => {
    const { roleId, secretId } = await enableAppRole(bao, { role, policies: [role], tokenTtl: `${LEASE_S}s` });
    await write(role, secretId);
    return { method: 'approle', roleId, secretId: file(role) };
  };
  const yaml = (auth: object, deletion = 'softDelete'): string =>
    stringify({
      development: true,
      openbao: { addresses: [bao.address], transitMount: NAMES.m, ca: { source: 'file', file: { path: bao.caFile } } },
      auth,
      keys: { stateMount: NAMES.s, deletion },
      crypto: { testKey: KEY },
      // A busy machine is not what is looked at here.
      limits: { readBudgetMs: 10_000, changeBudgetMs: 30_000 },
    });
  const start = async (auth: object): Promise<Plugins> => {
    const plugin = async (deletion: string) => {
      const started = resources.use(await startInProcessPlugin());
      await started.call(SERVICE_DEFINITIONS.config.configure, { yamlConfiguration: yaml(auth, deletion) });
      return connectionSubject(started);
    };
    return { softDelete: await plugin('softDelete'), destroy: await plugin('destroy') };
  };
  const steward = await start(await appRole(STEWARD));
  const ownAuth = await appRole(POOR);
  const poor = await start(ownAuth);

  const makeToken = async (): Promise<object> => {
    const body = { policies: [POOR], no_default_policy: true, ttl: `${LEASE_S}s` };
    const answer = await bao.request('POST', 'auth/token/create', body);
    await write('token', (answer.body as { auth: { client_token: string } }).auth.client_token);
    return { method: 'token', token: file('token') };
  };

  const held = resources.move();
  return {
    grantPrinted: async (role) => {
      // Keys of tenants have names that nobody knows beforehand.
      const args = role === 'byok-management' ? [role] : [role, '--key', KEY];
      await writePolicy(bao, POOR, await printedPolicy(args, yaml(ownAuth)));
    },
    grant: (lines) => writePolicy(bao, POOR, formatPolicy(toRules(lines, NAMES))),
    async outcome(operation) {
      const attempt = await KEY_OPERATIONS[operation](steward);
      return outcomeOf(await attempt(poor));
    },
    async open(role, { clock, method } = {}) {
      const auth = method === 'token' ? await makeToken() : ownAuth;
      const customer = { yaml: () => yaml(auth), values: () => ({}) };
      const { call, keystore, log } = openLiveKeystore(customer, 'approle', clock === undefined ? {} : { clock });
      return {
        log,
        use: () =>
          role === 'crypto'
            ? keystore.encrypt(call({ timeMs: 10_000 }), { keyId: KEY, plaintext: PLAINTEXT })
            : keystore.describeKey(call({ timeMs: 10_000 }), KEY),
        [Symbol.asyncDispose]: () => keystore.close(),
      };
    },
    tokens: async () => ((await administer(bao, 'LIST', 'auth/token/accessors')).keys as string[]).length,
    async revokeTokens() {
      await administer(bao, 'POST', 'sys/leases/revoke-prefix/auth/approle/login');
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
