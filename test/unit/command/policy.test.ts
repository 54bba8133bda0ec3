import { parse } from 'yaml';

import { policyOf, TOKEN_LINES, toRules } from '../../../src/openbao/policies/least-policies.ts';
import { providerLines } from '../../../src/openbao/policies/operator-policies.ts';
import { formatPolicy } from '../../../src/openbao/provider/policy.ts';
import { printedPolicy } from '../../support/printed-policy.ts';

const STATE = 'openbao: { transitMount: a/b }\nkeys: { stateMount: s }\n';
const NAMES = { m: 'a/b', s: 's', k: 'k1' };

/** Without comments and empty lines. */
const rights = (hcl: string): string => hcl.replaceAll(/^(?:#.*)?\n/gm, '');

test.each([
  [['hyok-management']],
  [['crypto']],
  [['hyok-management', 'crypto']],
  [['crypto', 'hyok-management']],
] as const)('R-CMD-14 the rights of %j are those of the tested lines', async (roles) => {
  expect(rights(await printedPolicy([...roles, '--key', 'k1'], STATE))).toBe(policyOf(roles, NAMES));
});

test('R-CMD-14 so are those of byok-management, for any key or for one', async () => {
  const any = policyOf(['byok-management'], NAMES);
  expect(rights(await printedPolicy(['byok-management'], STATE))).toBe(any);
  expect(rights(await printedPolicy(['byok-management', '--key', 'k1'], STATE))).toBe(any.replaceAll('/+', '/k1'));
});

test.each(['namespace', 'mount'] as const)('R-CMD-14 and those of the provider: %s', async (isolation) => {
  const yaml = `openbao: { addresses: [https://bao.example.com] }
auth: { method: kubernetes, role: r }
provider: { isolation: ${isolation}, namePrefix: kcm-, authMount: tls, ca: { source: file, file: { path: /ca } } }`;
  const names = { namePrefix: 'kcm-', authMount: 'tls' };
  expect((parse(yaml) as { provider: object }).provider).toMatchObject(names);
  const rules = toRules([...providerLines(isolation, names), ...TOKEN_LINES]);
  expect(rights(await printedPolicy(['provider'], yaml))).toBe(formatPolicy(rules));
});

test('R-CMD-14 a right of two roles stands there once, with what it is for in both', async () => {
  const hcl = await printedPolicy(['hyok-management', 'byok-management', '--key', 'k1'], STATE);
  expect(hcl.match(/path "a\/b\/keys\/k1" \{/g)).toHaveLength(1);
  const [, comment = ''] = /((?:^#.*\n)+)path "a\/b\/keys\/k1" \{/m.exec(hcl)!;
  expect(comment).toContain('# read: GetKey, GetKeyVersions, GetKeyStatus; GetKey, GetKeyVersions,');
});
