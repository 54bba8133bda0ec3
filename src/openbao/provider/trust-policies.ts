import type { RoleKind } from './names.ts';
import type { KeystorePlace } from './place.ts';
import { formatPolicy, OWN_TOKEN_RULES, type PolicyRule } from './policy.ts';

/** The policy of a role of a keystore. */
export function trustPolicy(place: KeystorePlace, kind: RoleKind): string {
  return formatPolicy([...RIGHTS[kind](place), ...OWN_TOKEN_RULES]);
}

const RIGHTS: Readonly<Record<RoleKind, (place: KeystorePlace) => readonly PolicyRule[]>> = {
  // Nothing: that it can log in is all that its certificate proves. Whoever writes roles or policies can give himself
  // anything, so the provider writes them itself.
  ROLES: () => [],
  MANAGEMENT: manageKeys,
  CRYPTO: ({ transitMount }) => [
    { path: `${transitMount}/encrypt/+`, capabilities: ['update'] },
    { path: `${transitMount}/decrypt/+`, capabilities: ['update'] },
  ],
};

// What the operations plugin sends in the life of a key, and not one field more: no key can be made exportable, and none
// can be used, rotated or trimmed.
function manageKeys({ stateMount, transitMount }: KeystorePlace): readonly PolicyRule[] {
  const key = `${transitMount}/keys/+`;
  return [
    { path: key, capabilities: ['read', 'update', 'delete'], allowedParameters: { type: [] } },
    { path: `${key}/config`, capabilities: ['update'], allowedParameters: { deletion_allowed: [] } },
    {
      path: `${key}/import`,
      capabilities: ['update'],
      allowedParameters: { type: [], hash_function: [], ciphertext: [] },
    },
    { path: `${key}/soft-delete`, capabilities: ['delete'] },
    { path: `${key}/soft-delete-restore`, capabilities: ['update'] },
    { path: `${transitMount}/wrapping_key`, capabilities: ['read'] },
    { path: `${stateMount}/data/+`, capabilities: ['create', 'read', 'update'] },
    { path: 'sys/capabilities-self', capabilities: ['update'] },
  ];
}
