import { type Check, failed, ok, skipped } from '../check.ts';
import { verdictsOn } from '../rights.ts';

/** Rights of the role crypto. A write without what it needs is refused after the policies were asked and before anything else. */
export const RIGHTS_CHECKS: readonly Check[] = [
  useRow('encrypt', 'the key may encrypt', 'Nothing can be encrypted with the key: the policy lacks the right.'),
  useRow('decrypt', 'the key may decrypt', 'Nothing can be decrypted with the key: the policy lacks the right.'),
  useRow(
    'rewrap',
    'the key may rewrap',
    'A ciphertext cannot be brought to the newest version: the policy lacks the right.',
  ),
];

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
