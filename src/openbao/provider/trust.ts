import { certificateRolePath, policyPath } from '../paths.ts';
import type { Operator } from './operator.ts';
import type { KeystorePlace } from './place.ts';
import { certificateRole, type RoleContent } from './roles.ts';
import { trustPolicy } from './trust-policies.ts';

// A role and its policy go by one name. When trust is granted the policy comes first, since a role without it hands out
// tokens that are good for nothing; when trust is taken it goes first, since tokens outlive their role.

/** The rights of a role. */
export async function writeTrustPolicy(
  operator: Operator,
  place: KeystorePlace,
  { kind, role }: Pick<RoleContent, 'kind' | 'role'>,
): Promise<void> {
  await operator.write(`${place.below}${policyPath(role)}`, { policy: trustPolicy(place, kind) });
}

/** Lets the subject of a role in. */
export async function writeTrustRole(operator: Operator, place: KeystorePlace, content: RoleContent): Promise<void> {
  await operator.write(`${place.below}${certificateRolePath(place.authMount, content.role)}`, certificateRole(content));
}

/** Takes all rights of a role at once, those of its live tokens too. */
export async function removeTrustPolicy(operator: Operator, place: KeystorePlace, role: string): Promise<void> {
  await operator.remove(`${place.below}${policyPath(role)}`);
}

/** Lets nobody in any more. Tokens that the role has handed out live on. */
export async function removeTrustRole(operator: Operator, place: KeystorePlace, role: string): Promise<void> {
  await operator.remove(`${place.below}${certificateRolePath(place.authMount, role)}`);
}
