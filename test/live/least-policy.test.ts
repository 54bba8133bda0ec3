import { PROFILES } from '../../keystore-contract/conformance/case.ts';
import { runConformance } from '../../keystore-contract/conformance/runner.ts';
import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import {
  type KeyOperation,
  nameOf,
  POLICY_LINES,
  type PolicyLine,
  TOKEN_LINES,
} from '../../src/openbao/policies/least-policies.ts';
import { writePolicy } from '../../scripts/openbao/setup.ts';
import { createCustomerStage } from '../support/conformance-stage.ts';
import { connectionSubject } from '../support/conformance-subject.ts';
import {
  AUTH_METHODS,
  CUSTOMER_ROLE,
  DENIED_KEY,
  MISSING_MOUNT,
  startCustomer,
  STATE_MOUNT,
} from '../support/customer.ts';
import { startInProcessPlugin } from '../support/in-process-plugin.ts';
import { printedPolicy } from '../support/printed-policy.ts';
import { openPolicyStage, type PolicyStage } from './policy-stage.ts';
import { tokenLineTests } from './token-lines.ts';

const ROLES = ['hyok-management', 'byok-management', 'crypto'] as const;
const DENIED = 'DENIED_BY_POLICY';

let stage: PolicyStage;
beforeAll(async () => {
  stage = await openPolicyStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** What comes of each operation for an identity that has these lines, and all on its own token. */
async function outcomes(
  operations: readonly KeyOperation[],
  lines: readonly PolicyLine[],
): Promise<Partial<Record<KeyOperation, string>>> {
  await stage.grant([...lines, ...TOKEN_LINES]);
  return outcomesNow(operations);
}

/** The same with the rights that it has. */
async function outcomesNow(operations: readonly KeyOperation[]): Promise<Partial<Record<KeyOperation, string>>> {
  const found: Partial<Record<KeyOperation, string>> = {};
  for (const operation of operations) found[operation] = await stage.outcome(operation);
  return found;
}

describe.each(ROLES)('the policy %s', (role) => {
  const lines = POLICY_LINES[role];
  const without = (line: PolicyLine): readonly PolicyLine[] => lines.filter((each) => each !== line);
  const operations = [...new Set(lines.flatMap((line) => line.operations))];
  const every = (outcome: string, of: readonly KeyOperation[]) => Object.fromEntries(of.map((each) => [each, outcome]));

  it('R-POL-01 R-CMD-14 as the command prints it is enough for every operation of the role', async () => {
    await stage.grantPrinted(role);
    expect(await outcomesNow(operations)).toEqual(every('OK', operations));
  });

  for (const line of lines.filter((each) => each.operations.length > 0)) {
    it(`R-POL-02 without ${nameOf(line)} these are denied and nothing else: ${line.operations.join(', ')}`, async () => {
      const expected = { ...every('OK', operations), ...every(DENIED, line.operations) };
      expect(await outcomes(operations, without(line))).toEqual(expected);
    });
  }

  const parameters = lines.flatMap((line) => Object.keys(line.allowedParameters ?? {}).map((name) => ({ line, name })));
  for (const { line, name } of parameters) {
    it(`R-POL-03 without the parameter ${name} of ${nameOf(line)} an operation is denied`, async () => {
      const { [name]: _, ...others } = line.allowedParameters ?? {};
      // Without any name every parameter would be allowed.
      const poorer = { ...line, allowedParameters: { ...others, nothing: [] } };
      const found = await outcomes(line.operations, [...without(line), poorer]);
      expect(Object.values(found)).toContain(DENIED);
    });
  }

  tokenLineTests(() => ({ ...stage, open: (options) => stage.open(role, options) }), lines);
});

it('R-POL-02 without update sys/capabilities-self a denied import does not show at CreateKey', async () => {
  const lines = POLICY_LINES['byok-management'].filter(({ path }) => path !== '<m>/keys/+/import');
  expect(await outcomes(['CreateKey (BYOK)'], lines)).toEqual({ 'CreateKey (BYOK)': DENIED });
  const blind = lines.filter(({ path }) => path !== 'sys/capabilities-self');
  expect(await outcomes(['CreateKey (BYOK)'], blind)).toEqual({ 'CreateKey (BYOK)': 'OK' });
});

it('R-POL-04 a dead token is told from a denial also by an identity that may not look at its token', async () => {
  const [, ...lines] = TOKEN_LINES;
  await stage.grant([...POLICY_LINES['hyok-management'], ...lines]);
  await using holder = await stage.open('hyok-management');
  await holder.use();
  await stage.revokeTokens();
  await holder.use();
  expect(holder.log.entries('token is no longer known to OpenBao, logging in anew')).toHaveLength(1);
  await stage.grant(lines);
  await expect(holder.use()).rejects.toMatchObject({ class: 'permission-denied' });
  expect(holder.log.entries('token is no longer known to OpenBao, logging in anew')).toHaveLength(1);
});

it('R-POL-05 the policy of use case 007, Story 4, as it is written uses keys and sees none', async () => {
  const line = (path: string, capability: PolicyLine['capability']): PolicyLine => ({
    path,
    capability,
    operations: [],
  });
  await stage.grant([
    // A path of KV version 2: in Transit there is nothing at it.
    line('<m>/data/<k>', 'read'),
    line('<m>/encrypt/<k>', 'update'),
    line('<m>/decrypt/<k>', 'update'),
    line('auth/token/lookup-self', 'read'),
  ]);
  const uses: readonly KeyOperation[] = ['Encrypt', 'Decrypt', 'Rewrap (associated data)', 'CheckHealth (deep)'];
  const looks: readonly KeyOperation[] = ['GetKey', 'GetKeyVersions', 'GetKeyStatus', 'Rewrap'];
  expect(await outcomesNow([...uses, ...looks])).toEqual({
    ...Object.fromEntries(uses.map((each) => [each, 'OK'])),
    ...Object.fromEntries(looks.map((each) => [each, DENIED])),
  });
});

describe('the whole contract with these policies and no other right', () => {
  it.each(AUTH_METHODS)('R-POL-01 every conformance case passes with the identity by %s', async (method) => {
    await using customer = await startCustomer();
    const policies = [
      await printedPolicy([...ROLES, '--key', '+'], `keys: { stateMount: ${STATE_MOUNT} }`),
      await printedPolicy(['hyok-management', '--key', '+'], `openbao: { transitMount: ${MISSING_MOUNT} }`),
      `path "transit/keys/${DENIED_KEY}" { capabilities = ["deny"] }`,
    ];
    await writePolicy(customer.bao, CUSTOMER_ROLE, policies.join(''));
    const { stage: around, yaml } = await createCustomerStage(customer, method);
    await using plugin = await startInProcessPlugin();
    await plugin.call(SERVICE_DEFINITIONS.config.configure, { yamlConfiguration: yaml });
    const results = await runConformance({ subject: connectionSubject(plugin), stage: around, profiles: PROFILES });
    expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
    expect(results.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(100);
  });
});
