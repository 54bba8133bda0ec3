import { renderPolicies } from '../../../scripts/generate/policies.ts';
import {
  POLICY_LINES,
  type PolicyLine,
  policyOf,
  TOKEN_LINES,
  toRules,
} from '../../../src/openbao/policies/least-policies.ts';
import { providerLines } from '../../../src/openbao/policies/operator-policies.ts';
import { leastPolicy } from '../../../scripts/openbao/setup.ts';
import { operatorPolicy } from '../../../src/openbao/provider/operator-policy.ts';
import { formatPolicy, OWN_TOKEN_RULES } from '../../../src/openbao/provider/policy.ts';
import { trustPolicy } from '../../../src/openbao/provider/trust-policies.ts';

const PLACE = {
  name: 'n',
  namespace: 'n',
  below: 'n/',
  transitMount: 'transit',
  stateMount: 'state',
  authMount: 'cert',
} as const;
const NAMES = { m: PLACE.transitMount, s: PLACE.stateMount, k: '+' };

describe('the lines of policies', () => {
  test('R-PROVIDER-03 byok-management is what the provider gives to key management', () => {
    expect(policyOf(['byok-management'], NAMES)).toBe(trustPolicy(PLACE, 'MANAGEMENT'));
  });

  test('R-PROVIDER-04 crypto trust is the part of crypto that the provider gives', () => {
    const lines = POLICY_LINES.crypto.filter(({ path }) => !path.includes('rewrap'));
    expect(formatPolicy([...toRules(lines, NAMES), ...OWN_TOKEN_RULES])).toBe(trustPolicy(PLACE, 'CRYPTO'));
  });

  test('the rights on the own token are those of every role of the provider', () => {
    expect(toRules(TOKEN_LINES)).toEqual(OWN_TOKEN_RULES);
  });

  test.each(['namespace', 'mount'] as const)(
    'R-PROVIDER-13 the operator has its documented policy: %s',
    (isolation) => {
      const names = { namePrefix: 'kcm-', authMount: 'tls' };
      const rules = toRules([...providerLines(isolation, names), ...TOKEN_LINES]);
      expect(formatPolicy(rules)).toBe(operatorPolicy({ isolation, ...names }));
    },
  );

  const all: readonly PolicyLine[] = [
    ...Object.values(POLICY_LINES).flat(),
    ...TOKEN_LINES,
    ...providerLines('namespace'),
    ...providerLines('mount'),
  ];

  test('each says what is lost without it', () => {
    for (const { lost, operations } of all) expect(operations.length === 0).toBe(lost !== undefined);
  });

  test('R-SEC-09 none exports a key, or lets an encrypt make one', () => {
    for (const { capability, path } of all) {
      expect(path).not.toMatch(/export|backup|datakey|rotate|trim|\*\//);
      if (path.includes('/encrypt/')) expect(capability).toBe('update');
    }
  });
});

test('the least policy to use one key and see it is a line each', () => {
  expect(leastPolicy({ key: 'k', mount: 'm' })).toBe(`path "m/keys/k"               { capabilities = ["read"] }
path "m/encrypt/k"            { capabilities = ["update"] }
path "m/decrypt/k"            { capabilities = ["update"] }
path "m/rewrap/k"             { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
`);
});

test('the page of policies has a row for every line, and the policy of every role on keys', () => {
  const page = renderPolicies();
  for (const role of ['hyok-management', 'byok-management', 'crypto'] as const) {
    expect(page).toContain(`## ${role}\n`);
    expect(page).toContain(`\`\`\`hcl\n${policyOf([role])}\`\`\``);
    for (const { capability, operations, path } of POLICY_LINES[role]) {
      expect(page).toContain(`| \`${path}\` | \`${capability}\` | `);
      if (operations.length > 0) expect(page).toContain(` | ${operations.join(', ')} |\n`);
    }
  }
  const rows = page.match(/^\| `/gm);
  const lines = [...Object.values(POLICY_LINES).flat(), ...TOKEN_LINES];
  expect(rows).toHaveLength(lines.length + providerLines('namespace').length + providerLines('mount').length);
});
