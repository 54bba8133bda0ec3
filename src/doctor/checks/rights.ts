import { nameOf, POLICY_LINES, type PolicyLine, toRules } from '../../openbao/policies/least-policies.ts';
import { providerLines } from '../../openbao/policies/operator-policies.ts';
import { type Check, failed, type Finding, ok, skipped } from '../check.ts';
import type { Examination } from '../examination.ts';
import { MAY_ASK, verdictsOn } from '../rights.ts';

/** Rights of the role crypto. A write without what it needs is refused after the policies were asked and before anything else. */
export const RIGHTS_CHECKS: readonly Check[] = [
  useRow('encrypt', 'the key may encrypt', 'Nothing can be encrypted with the key: the policy lacks the right.'),
  useRow('decrypt', 'the key may decrypt', 'Nothing can be decrypted with the key: the policy lacks the right.'),
  useRow(
    'rewrap',
    'the key may rewrap',
    'A ciphertext cannot be brought to the newest version: the policy lacks the right.',
  ),
  {
    id: 'rights.management',
    title: 'the keys of tenants may be kept',
    needs: ['transit.type'],
    cause: 'The policy lacks rights of the role byok-management.',
    fix: 'Add the lines to the policy.',
    examine(examination) {
      if (!examination.roles.includes('byok-management')) return skipped('only the role byok-management needs it');
      const { s } = examination.names();
      const lines = POLICY_LINES['byok-management'].filter(({ path }) => s !== undefined || !path.startsWith('<s>'));
      return judgeLines(examination, lines);
    },
  },
  {
    id: 'rights.operator',
    title: 'keystores may be made',
    needs: ['token.lookup'],
    cause: 'The policy lacks rights of the operator.',
    fix: 'Add the lines to the policy.',
    examine(examination) {
      const { provider } = examination.configuration();
      if (provider === undefined) return skipped('only the role provider needs it');
      return judgeLines(examination, providerLines(provider.isolation, provider));
    },
  },
];

async function judgeLines(examination: Examination, lines: readonly PolicyLine[]): Promise<Finding> {
  const verdicts = await verdictsOn(examination, lines);
  const missing = lines.filter((_, index) => verdicts[index]?.verdict === 'denied');
  if (missing.length > 0) return failed(`denied: ${missing.map(nameOf).join(', ')}`, toRules(missing));
  const known = verdicts.every(({ verdict }) => verdict === 'granted');
  return known ? ok(`all ${lines.length} rights`) : skipped('the token may not ask what it may do', MAY_ASK);
}

function useRow(verb: 'encrypt' | 'decrypt' | 'rewrap', title: string, cause: string): Check {
  const path = `<m>/${verb}/<k>`;
  return {
    id: `rights.${verb}`,
    title,
    needs: ['key.exists'],
    perKey: true,
    cause,
    fix: 'Add the line to the policy; tokens that live have the right at once.',
    policy: [{ path, capabilities: ['update'] }],
    async examine(examination, key) {
      if (!examination.roles.includes('crypto')) return skipped('only the role crypto needs it');
      const [right] = await verdictsOn(examination, [{ path, capability: 'update', attempt: 'empty-write' }], key);
      return right?.verdict === 'granted' ? ok('it may') : failed(`update on ${path} is denied`);
    },
  };
}
