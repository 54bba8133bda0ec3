import { createHash, randomBytes } from 'node:crypto';

import type { GrantInput, TrustType } from '../../keystore/keystore-provider.ts';

// Every name that the provider gives out begins with the configured prefix, so that an operator can tell at a glance what
// it made; sixteen random digits keep two keystores apart.

const RANDOM_BYTES = 8;
const KEYSTORE_SUFFIX = /^[0-9a-f]{16}$/;
const GRANT_HASH_LENGTH = 32;

/** Who comes in a role: the role management of a keystore, or trust of one type. */
export type RoleKind = 'ROLES' | TrustType;

/** A name that no keystore has. */
export function newKeystoreName(prefix: string): string {
  return `${prefix}${randomBytes(RANDOM_BYTES).toString('hex')}`;
}

/** Whether a text is a name that {@link newKeystoreName} may have given. */
export function isKeystoreName(prefix: string, text: string): boolean {
  return text.startsWith(prefix) && KEYSTORE_SUFFIX.test(text.slice(prefix.length));
}

/** The roles that every keystore has from the start. Their names are the common names of their certificates, too. */
export function firstRoles(keystore: string): { readonly roleManagement: string; readonly keyManagement: string } {
  return { roleManagement: `${keystore}-roles`, keyManagement: `${keystore}-keys` };
}

/**
 * The role of granted trust: equal for equal input in every process. A region has a role of its own, so that taking its
 * trust leaves that of another region with the same subject.
 */
export function grantedRole(keystore: string, { type, subject, region }: GrantInput): string {
  const parts = type === 'CRYPTO' ? [type, subject, region] : [type, subject];
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, GRANT_HASH_LENGTH);
  return `${keystore}-${type === 'CRYPTO' ? 'crypto' : 'keys'}-${hash}`;
}

/** What a role of a keystore is for; undefined for a name that is no role of this keystore. */
export function roleKind(keystore: string, role: string): RoleKind | undefined {
  const match = role.startsWith(`${keystore}-`) ? ROLE_SUFFIX.exec(role.slice(keystore.length + 1)) : null;
  if (match === null) return undefined;
  if (match[0] === 'roles') return 'ROLES';
  return match[1] === 'crypto' ? 'CRYPTO' : 'MANAGEMENT';
}

const ROLE_SUFFIX = /^(?:roles|keys|(keys|crypto)-[0-9a-f]{32})$/;
