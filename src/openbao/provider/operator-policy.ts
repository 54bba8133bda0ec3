import { MOUNTS_IN_NAMESPACE, type ProviderConfiguration } from './place.ts';
import { formatPolicy, OWN_TOKEN_RULES, type PolicyRule } from './policy.ts';

type Settings = Pick<ProviderConfiguration, 'isolation' | 'namePrefix' | 'authMount'>;

/**
 * The least rights of the provider's own identity, in `openbao.namespace`. Where a name must be left open in the middle of
 * a path OpenBao knows only `+`, which is any name: so this namespace should hold keystores and nothing else.
 */
export function operatorPolicy(settings: Settings): string {
  return formatPolicy([...OPERATOR_RULES[settings.isolation](settings), ...OWN_TOKEN_RULES]);
}

/** The same as rules, without those on the token itself. */
export const OPERATOR_RULES: Readonly<Record<Settings['isolation'], (settings: Settings) => readonly PolicyRule[]>> = {
  namespace: ({ authMount, namePrefix }) => [
    { path: `sys/namespaces/${namePrefix}*`, capabilities: ['read', 'update', 'delete'] },
    { path: `+/sys/mounts/${MOUNTS_IN_NAMESPACE.transitMount}`, capabilities: ['update'] },
    { path: `+/sys/mounts/${MOUNTS_IN_NAMESPACE.stateMount}`, capabilities: ['update'] },
    { path: `+/sys/auth/${authMount}`, capabilities: ['update', 'sudo'] },
    ...transitRules(`+/${MOUNTS_IN_NAMESPACE.transitMount}`),
    { path: '+/sys/policies/acl', capabilities: ['list'] },
    { path: `+/sys/policies/acl/${namePrefix}*`, capabilities: ['update', 'delete'] },
    { path: `+/auth/${authMount}/certs`, capabilities: ['list'] },
    { path: `+/auth/${authMount}/certs/${namePrefix}*`, capabilities: ['update', 'delete'] },
    ...accessorRules('+/'),
  ],
  mount: ({ authMount, namePrefix }) => [
    { path: `sys/mounts/${namePrefix}*`, capabilities: ['read', 'update', 'delete'] },
    ...transitRules('+'),
    { path: 'sys/policies/acl', capabilities: ['list'] },
    { path: `sys/policies/acl/${namePrefix}*`, capabilities: ['update', 'delete'] },
    { path: `auth/${authMount}/certs`, capabilities: ['list'] },
    { path: `auth/${authMount}/certs/${namePrefix}*`, capabilities: ['update', 'delete'] },
    ...accessorRules(''),
  ],
};

function transitRules(mount: string): readonly PolicyRule[] {
  return [
    {
      path: `${mount}/config/keys`,
      capabilities: ['update'],
      allowedParameters: { disable_upsert: [true] },
      // A write without the field would set it to false.
      requiredParameters: ['disable_upsert'],
    },
    { path: `${mount}/wrapping_key`, capabilities: ['read'] },
    { path: `${mount}/keys`, capabilities: ['list'] },
  ];
}

// To find and end the tokens of a role that is taken away.
function accessorRules(below: string): readonly PolicyRule[] {
  return [
    { path: `${below}auth/token/accessors`, capabilities: ['list', 'sudo'] },
    { path: `${below}auth/token/lookup-accessor`, capabilities: ['update'] },
    { path: `${below}auth/token/revoke-accessor`, capabilities: ['update'] },
  ];
}
