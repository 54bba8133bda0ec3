import { formatPolicy, type PolicyRule } from '../provider/policy.ts';

// The rights that an identity of each kind needs, line by line, with what fails without the line. The command `policy`, the
// reference page of policies and the tests of the least policy are made from here.

export type Capability = PolicyRule['capabilities'][number];

/** A method of the contract; in brackets the case that is meant where cases differ. */
export type KeyOperation =
  | 'GetKey'
  | 'GetKey (PENDING_IMPORT)'
  | 'GetKeyVersions'
  | 'GetKeyStatus'
  | 'CreateKey (BYOK)'
  | 'CreateKey (SYSTEM_MANAGED)'
  | 'GetImportParameters'
  | 'ImportKeyMaterial'
  | 'EnableKey'
  | 'DisableKey'
  | 'DeleteKey (softDelete)'
  | 'DeleteKey (destroy)'
  | 'Encrypt'
  | 'Decrypt'
  | 'Rewrap'
  | 'Rewrap (associated data)'
  | 'CheckHealth (deep)';

/** One capability on one path. `<m>` stands for the Transit mount, `<s>` for the state mount, `<k>` for the key. */
export interface PolicyLine<Operation extends string = string> extends Omit<PolicyRule, 'capabilities'> {
  readonly capability: Capability;
  /** The operations that fail without it: these and no others. */
  readonly operations: readonly Operation[];
  /** What is lost without it, where that is no operation. */
  readonly lost?: string;
}

/** What an identity is for that has to do with keys: seeing those of a customer, keeping those of a tenant, using them. */
export type PolicyRole = 'hyok-management' | 'byok-management' | 'crypto';

/** What the placeholders of paths stand for; one that is not named stays. */
export interface PolicyNames {
  /** Transit mount. */
  readonly m?: string;
  /** Key; `+` is any. */
  readonly k?: string;
  /** State mount. */
  readonly s?: string;
}

/** What each role is for, in sentences. */
export const ROLE_PURPOSES: Readonly<Record<PolicyRole, string>> = {
  'hyok-management':
    'Sees keys that their customer holds. CMK changes none of them: disabling, rotation and deletion are the customer’s own.',
  'byok-management':
    'Keeps keys whose material a tenant brings, and uses none of them. The parameters are all that a write may have, so no key can be made exportable. The provider writes this policy for the key management of each keystore.',
  crypto:
    'Uses a key. `create` on `encrypt` must not be granted: it would let a wrong key id make a key. Without `hyok-management` beside it a missing key is told as a denial.',
};

const KEY_READS = ['GetKey', 'GetKeyVersions', 'GetKeyStatus'] as const;

/** The lines of each role, without those on its own token. */
export const POLICY_LINES: Readonly<Record<PolicyRole, readonly PolicyLine<KeyOperation>[]>> = {
  'hyok-management': [{ path: '<m>/keys/<k>', capability: 'read', operations: KEY_READS }],
  // The parameters are all that the plugin sends: no key can be made exportable, and none can be rotated or trimmed.
  'byok-management': [
    {
      path: '<m>/keys/+',
      capability: 'read',
      operations: [
        ...KEY_READS,
        'GetKey (PENDING_IMPORT)',
        'CreateKey (BYOK)',
        'CreateKey (SYSTEM_MANAGED)',
        'GetImportParameters',
        'ImportKeyMaterial',
        'EnableKey',
        'DisableKey',
        'DeleteKey (softDelete)',
        'DeleteKey (destroy)',
      ],
    },
    {
      path: '<m>/keys/+',
      capability: 'update',
      allowedParameters: { type: [] },
      operations: ['CreateKey (SYSTEM_MANAGED)'],
    },
    { path: '<m>/keys/+', capability: 'delete', operations: ['DeleteKey (destroy)'] },
    {
      path: '<m>/keys/+/config',
      capability: 'update',
      allowedParameters: { deletion_allowed: [] },
      operations: ['DeleteKey (destroy)'],
    },
    {
      path: '<m>/keys/+/import',
      capability: 'update',
      allowedParameters: { type: [], hash_function: [], ciphertext: [] },
      operations: ['CreateKey (BYOK)', 'ImportKeyMaterial'],
    },
    {
      path: '<m>/keys/+/soft-delete',
      capability: 'delete',
      operations: ['DisableKey', 'DeleteKey (softDelete)'],
    },
    { path: '<m>/keys/+/soft-delete-restore', capability: 'update', operations: ['EnableKey'] },
    { path: '<m>/wrapping_key', capability: 'read', operations: ['GetImportParameters', 'ImportKeyMaterial'] },
    { path: '<s>/data/+', capability: 'create', operations: ['CreateKey (BYOK)'] },
    {
      path: '<s>/data/+',
      capability: 'read',
      operations: [
        'GetKey (PENDING_IMPORT)',
        'CreateKey (BYOK)',
        'GetImportParameters',
        'ImportKeyMaterial',
        'DeleteKey (destroy)',
      ],
    },
    { path: '<s>/data/+', capability: 'update', operations: ['ImportKeyMaterial', 'DeleteKey (destroy)'] },
    {
      path: 'sys/capabilities-self',
      capability: 'update',
      operations: [],
      lost: 'that CreateKey (BYOK) fails at once where imports are denied',
    },
  ],
  crypto: [
    {
      path: '<m>/encrypt/<k>',
      capability: 'update',
      operations: ['Encrypt', 'Rewrap (associated data)', 'CheckHealth (deep)'],
    },
    {
      path: '<m>/decrypt/<k>',
      capability: 'update',
      operations: ['Decrypt', 'Rewrap (associated data)', 'CheckHealth (deep)'],
    },
    { path: '<m>/rewrap/<k>', capability: 'update', operations: ['Rewrap'] },
  ],
};

/** What an identity of any role needs of its own token, where the role of its login leaves OpenBao's `default` policy out. */
export const TOKEN_LINES = [
  {
    path: 'auth/token/lookup-self',
    capability: 'read',
    operations: [],
    lost: 'with `auth.method: token` the login; with any other method nothing',
  },
  {
    path: 'auth/token/renew-self',
    capability: 'update',
    operations: [],
    lost: 'renewal; a login at two thirds of every lease takes its place',
  },
  {
    path: 'auth/token/revoke-self',
    capability: 'update',
    operations: [],
    lost: 'the end of a token that has served; it lives on until its lease is over',
  },
] as const satisfies readonly PolicyLine[];

/** How a line is spoken of. */
export function nameOf({ capability, path }: Pick<PolicyLine, 'capability' | 'path'>): string {
  return `${capability} ${path}`;
}

/** Lines with names in place of the placeholders, those of one path in one rule. */
export function toRules(lines: readonly PolicyLine[], names: PolicyNames = {}): readonly PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  for (const { allowedParameters, capability, path: template, requiredParameters } of lines) {
    const path = fill(template, names);
    const { capabilities = [], ...earlier } = rules.get(path) ?? { path };
    rules.set(path, {
      ...earlier,
      capabilities: [...new Set([...capabilities, capability])],
      ...(allowedParameters && { allowedParameters }),
      ...(requiredParameters && { requiredParameters }),
    });
  }
  return [...rules.values()];
}

/** The policy, in HCL, of an identity with these roles in one place, for tokens without the `default` policy. */
export function policyOf(roles: readonly PolicyRole[], names?: PolicyNames): string {
  return formatPolicy(toRules([...roles.flatMap((role) => POLICY_LINES[role]), ...TOKEN_LINES], names));
}

/** A path with names in place of the placeholders. */
export function fill(path: string, names: PolicyNames): string {
  return path.replace(/<([mks])>/g, (placeholder, name: keyof PolicyNames) => names[name] ?? placeholder);
}
