import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import type { Subject } from '../../keystore-contract/conformance/subject.ts';
import { nameOf, type PolicyLine, TOKEN_LINES, toRules } from '../../src/openbao/policies/least-policies.ts';
import { type ProviderOperation, providerLines } from '../../src/openbao/policies/operator-policies.ts';
import { administer, enableAppRole, writePolicy } from '../../scripts/openbao/setup.ts';
import { readBoundedFile } from '../../src/config/bounded-file.ts';
import { parseConfiguration } from '../../src/config/parse.ts';
import { readSourceRef } from '../../src/config/source-ref.ts';
import { systemClock } from '../../src/openbao/clock.ts';
import { OpenBaoProvider } from '../../src/openbao/provider/openbao-provider.ts';
import { formatPolicy } from '../../src/openbao/provider/policy.ts';
import { connectionSubject } from '../support/conformance-subject.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { ISOLATIONS, type KeystoreOperator, PREFIX, startKeystoreOperator } from '../support/keystore-operator.ts';
import { printedPolicy } from '../support/printed-policy.ts';
import { recordLog } from '../support/record-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { outcomeOf } from './policy-operations.ts';
import { PROVIDER_OPERATIONS, type ProviderSetting } from './provider-operations.ts';
import { config, CRYPTO_SUBJECT, openProviderStage } from './provider-stage.ts';
import { LEASE_S, tokenLineTests, type TokenStage } from './token-lines.ts';

const POOR = 'poor';
const DENIED = 'DENIED_BY_POLICY';
const NAMES = { namePrefix: PREFIX, authMount: 'cert' };
const OPERATIONS = Object.keys(PROVIDER_OPERATIONS) as ProviderOperation[];

let operator: KeystoreOperator;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  [operator, folder] = await Promise.all([startKeystoreOperator(), temporaryFolder()]);
});
afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

describe.each(ISOLATIONS)('the policy of the operator, isolation %s', (isolation) => {
  const lines = providerLines(isolation, NAMES);
  const resources = new AsyncDisposableStack();
  let setting: ProviderSetting;
  let poor: Subject;

  beforeAll(async () => {
    const steward = resources.use(await openProviderStage(operator, isolation));
    const [keystore, visitor] = [await steward.createKeystore(), await operator.issue(CRYPTO_SUBJECT)];
    setting = { operator, steward, keystore, visitor };
    const plugin = resources.use(await startInProcessPlugin({ type: 'KeystoreProvider' }));
    await plugin.call(config.configure, { yamlConfiguration: yaml(await appRole()) });
    poor = connectionSubject(plugin);
  });
  afterAll(() => resources.disposeAsync());

  const namespace = (): string => operator.namespace(isolation);
  const file = (name: string) => ({ source: 'file', file: { path: join(folder.path, `${isolation}-${name}`) } });
  const write = async (name: string, text: string) => {
    await writeFile(file(name).file.path, text, { mode: 0o600 });
    return file(name);
  };
  /** The configuration with another identity of the process. */
  const yaml = (auth: object): string =>
    stringify({ ...(parse(operator.providerYaml(isolation)) as object), development: true, auth });

  async function appRole(): Promise<object> {
    const role = { role: POOR, policies: [POOR], tokenTtl: `${LEASE_S}s`, namespace: namespace() };
    const { roleId, secretId } = await enableAppRole(operator.bao, role);
    return { method: 'approle', roleId, secretId: await write('secret-id', secretId) };
  }

  async function madeToken(): Promise<object> {
    const body = { policies: [POOR], no_default_policy: true, ttl: `${LEASE_S}s` };
    const answer = await operator.bao.request('POST', 'auth/token/create', body, { namespace: namespace() });
    const token = (answer.body as { auth: { client_token: string } }).auth.client_token;
    return { method: 'token', token: await write('token', token) };
  }

  const grant = (granted: readonly PolicyLine[]): Promise<void> =>
    writePolicy(operator.bao, POOR, formatPolicy(toRules(granted)), namespace());

  /** What comes of operations for an operator that has these lines, and all on its own token. */
  async function outcomes(
    operations: readonly ProviderOperation[],
    granted: readonly PolicyLine[],
  ): Promise<Partial<Record<ProviderOperation, string>>> {
    await grant([...granted, ...TOKEN_LINES]);
    return outcomesNow(operations);
  }

  /** The same with the rights that it has. */
  async function outcomesNow(
    operations: readonly ProviderOperation[],
  ): Promise<Partial<Record<ProviderOperation, string>>> {
    const found: Partial<Record<ProviderOperation, string>> = {};
    for (const operation of operations) {
      const attempt = await PROVIDER_OPERATIONS[operation](setting);
      found[operation] = outcomeOf(await attempt(poor));
    }
    return found;
  }

  const every = (outcome: string, of: readonly ProviderOperation[]) =>
    Object.fromEntries(of.map((each) => [each, outcome]));

  it('R-PROVIDER-13 R-POL-01 R-CMD-14 as the command prints it is enough for every method', async () => {
    const printed = await printedPolicy(['provider'], yaml(await appRole()));
    await writePolicy(operator.bao, POOR, printed, namespace());
    expect(await outcomesNow(OPERATIONS)).toEqual(every('OK', OPERATIONS));
  });

  for (const line of lines) {
    it(`R-PROVIDER-13 R-POL-02 without ${nameOf(line)} these are denied: ${line.operations.join(', ')}`, async () => {
      // The others take a minute, so whether they succeed is seen where everything is required.
      const operations = process.env.REQUIRE_ALL === '1' ? OPERATIONS : line.operations;
      const expected = { ...every('OK', operations), ...every(DENIED, line.operations) };
      const found = await outcomes(
        operations,
        lines.filter((each) => each !== line),
      );
      expect(found).toEqual(expected);
    });
  }

  const tokenStage: TokenStage = {
    grant,
    async open({ clock = systemClock, method } = {}) {
      const text = yaml(method === 'token' ? await madeToken() : await appRole());
      const configuration = parseConfiguration(text, { type: 'KeystoreProvider' });
      const log = recordLog();
      const readers = { readFile: readBoundedFile, environment: {} };
      const provider = new OpenBaoProvider({
        configuration,
        provider: configuration.provider!,
        log: log.log,
        read: (ref) => readSourceRef(ref, readers),
        clock,
      });
      const call = () => ({
        access: {},
        signal: AbortSignal.timeout(10_000),
        deadline: clock.now() + 10_000,
        trace: { openbaoRequestIds: [] },
      });
      return {
        log,
        use: () => provider.findKeystore(call(), setting.keystore.name),
        [Symbol.asyncDispose]: () => provider.close(),
      };
    },
    async tokens() {
      const place = { namespace: namespace() };
      return ((await administer(operator.bao, 'LIST', 'auth/token/accessors', undefined, place)).keys as string[])
        .length;
    },
  };
  tokenLineTests(() => tokenStage, lines);
});
