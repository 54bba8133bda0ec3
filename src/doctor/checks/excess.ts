import { answerData } from '../../openbao/answer.ts';
import { type Check, type CheckId, failed, type Finding, ok, skipped, warning } from '../check.ts';
import type { Examination } from '../examination.ts';
import { MAY_ASK, type Right, verdictsOn } from '../rights.ts';
import type { DoctorRole } from '../role.ts';

const UPSERT: readonly Right[] = [
  { path: '<m>/encrypt/<x>', capability: 'create', attempt: 'empty-write' },
  { path: '<m>/encrypt/<k>', capability: 'create' },
];
const EXPORT: readonly Right[] = [
  // Never tried: nothing here asks for key material.
  { path: '<m>/export/encryption-key/<k>', capability: 'read' },
  { path: '<m>/byok-export/<x>/<k>', capability: 'read' },
];
const BACKUP: readonly Right[] = [
  { path: '<m>/backup/<k>', capability: 'read' },
  { path: '<m>/restore/<k>', capability: 'update', attempt: 'empty-write' },
];
const CHANGES: readonly Right[] = [
  { path: '<m>/keys/<k>', capability: 'delete' },
  { path: '<m>/keys/<k>/config', capability: 'update' },
  { path: '<m>/keys/<k>/rotate', capability: 'update' },
  { path: '<m>/keys/<k>/trim', capability: 'update', attempt: 'empty-write' },
  { path: '<m>/keys/<k>/soft-delete', capability: 'delete' },
  { path: '<m>/keys/<k>/soft-delete-restore', capability: 'update' },
  { path: '<m>/keys/<k>/import_version', capability: 'update', attempt: 'empty-write' },
];
const OTHERS: readonly Right[] = [
  { path: '<m>/decrypt/<x>', capability: 'update', attempt: 'empty-write' },
  { path: '<m>/encrypt/<x>', capability: 'update' },
];
const ENGINE: readonly Right[] = [
  { path: 'sys/mounts/<m>', capability: 'delete' },
  { path: 'sys/mounts/<m>/tune', capability: 'update' },
  { path: 'sys/mounts/<x>', capability: 'update' },
  { path: '<m>/config/keys', capability: 'update' },
  { path: '<m>/cache-config', capability: 'update' },
];
const ADMINISTRATION: readonly Right[] = [
  { path: 'sys/policies/acl/<x>', capability: 'update' },
  { path: 'sys/policies/acl', capability: 'list', attempt: 'list' },
  { path: 'auth/<a>/role/<x>', capability: 'update' },
  { path: 'auth/<a>/certs/<x>', capability: 'update' },
  { path: 'auth/token/create', capability: 'update' },
];
const SUDO: readonly Right[] = [
  { path: 'auth/token/accessors', capability: 'sudo', attempt: 'list' },
  { path: 'sys/seal', capability: 'sudo' },
  { path: 'sys/auth/<x>', capability: 'sudo' },
  { path: 'sys/audit/<x>', capability: 'sudo' },
  { path: 'sys/raw/<x>', capability: 'sudo' },
];

export const EXCESS_CHECKS: readonly Check[] = [
  {
    id: 'excess.root',
    title: 'the token is no root token',
    needs: ['token.lookup'],
    cause: 'The token has the policy root, which may do everything.',
    fix: 'Give the plugin a login of its own with the least policy, and revoke the root token: bao token revoke.',
    async examine(examination) {
      const policies = answerData(await examination.token())?.policies;
      return Array.isArray(policies) && policies.includes('root') ? failed('it is') : ok('it is not');
    },
  },
  excess('excess.upsert', UPSERT, {
    title: 'an encrypt may make no key',
    cause: 'The policy grants create on encrypt: a wrong key id then makes a key that nobody knows of.',
    fix: 'Leave update alone on encrypt in the policy, and set disable_upsert on the mount.',
  }),
  excess('excess.export', EXPORT, {
    title: 'the key may not be exported',
    cause: 'The policy grants reading exports: an exportable key can then leave OpenBao.',
    fix: 'Take export and byok-export out of the policy.',
  }),
  excess('excess.backup', BACKUP, {
    title: 'the key may be neither backed up nor restored',
    cause: 'The policy grants backups or restoring: a backup holds the key, a restore puts another one in its place.',
    fix: 'Take backup and restore out of the policy.',
  }),
  excess('excess.changes', CHANGES, {
    title: 'the key may not be changed',
    cause: 'The policy grants deleting, rotating, disabling or changing the key, which is for its owner alone.',
    fix: 'Leave read alone on <m>/keys/<k> in the policy, and nothing below it.',
    of: ['byok-management'],
  }),
  excess('excess.other-keys', OTHERS, {
    title: 'no other key may be used',
    cause: 'The policy has a wildcard: it reaches every key of the mount, those to come included.',
    fix: 'Name the keys of this identity in its policy one by one, or keep in the mount those alone that belong to it.',
    grave: false,
  }),
  excess('excess.engine', ENGINE, {
    title: 'the engine may not be changed',
    cause: 'The policy grants changes of mounts, or of what holds for all keys of a mount.',
    fix: 'Take sys/mounts, <m>/config/keys and <m>/cache-config out of the policy.',
    of: ['provider'],
  }),
  excess('excess.administration', ADMINISTRATION, {
    title: 'policies, roles and tokens may not be made',
    cause:
      'The policy grants writing policies or roles, or making tokens: whoever has the token can give himself any right.',
    fix: 'Take sys/policies, auth/<a> and auth/token/create out of the policy.',
    of: ['provider'],
  }),
  excess('excess.sudo', SUDO, {
    title: 'nothing may be done as the administrator',
    cause: 'The policy grants sudo on paths of the system.',
    fix: 'Take sudo out of the policy.',
    of: ['provider'],
  }),
];

interface ExcessRow extends Pick<Check, 'title' | 'cause' | 'fix'> {
  /** Roles that need the rights. */
  readonly of?: readonly DoctorRole[];
  /** Whether the rights do harm by themselves; true by default. */
  readonly grave?: boolean;
}

function excess(id: CheckId, rights: readonly Right[], { of = [], grave = true, ...row }: ExcessRow): Check {
  return {
    id,
    ...row,
    needs: ['excess.root', ...(rights.some(({ path }) => path.includes('<m>')) ? ['transit.type' as const] : [])],
    perKey: rights.some(({ path }) => path.includes('<k>')),
    async examine(examination, key) {
      const role = of.find((name) => examination.roles.includes(name));
      if (role !== undefined) return skipped(`the role ${role} needs it`);
      return judge(examination, rights, { key, grave });
    },
  };
}

async function judge(
  examination: Examination,
  rights: readonly Right[],
  { grave, key }: { readonly key: string; readonly grave: boolean },
): Promise<Finding> {
  // Names that this identity has not, such as an auth mount, leave nothing to ask about.
  const known = rights.filter(({ path }) => !path.includes('<a>') || examination.names(key).a !== undefined);
  const verdicts = await verdictsOn(examination, known, key);
  const granted = verdicts.filter(({ verdict }) => verdict === 'granted');
  if (granted.length > 0) {
    const text = granted.map(({ capability, path }) => `${capability} on ${path}`).join(', ');
    return grave ? failed(text) : warning(text);
  }
  if (verdicts.every(({ verdict }) => verdict === 'denied')) return ok('it is denied');
  return skipped('what could be tried without harm is denied; the token may not ask for the rest', MAY_ASK);
}
