import { certificateRolePath, policyPath } from '../paths.ts';
import { roleKind } from './names.ts';
import type { Operator } from './operator.ts';
import type { KeystorePlace } from './place.ts';
import { certificateRole, type RoleContent } from './roles.ts';
import { trustPolicy } from './trust-policies.ts';

// A role and its policy go by one name, and OpenBao cannot write both at once. Another process may grant what this one
// takes away. Two things must never be what is left: a policy without its role, with which tokens that a removal did not
// reach have rights; and a role without its policy, whose tokens are good for nothing.
//
// - A grant writes the role and then the policy, a removal deletes the policy and then the role. So a removal that deletes
//   the policy last deletes the role last, too: no role is left alone.
// - Then each looks at what the other does last. A policy is left alone only when the grant wrote it after the removal had
//   deleted it, and the removal deleted the role after the grant had written it. Whichever of the two looks last sees
//   that, since both have written by then: the grant finds no role, or the removal finds a policy, and begins anew.
//   The removal does so at once and the grant after a while, lest both go on for ever in step.
//
// Each order is also the safe one when its process ends half-way.

/** Lets the subject of a role in, with its rights. */
export async function addTrust(operator: Operator, place: KeystorePlace, content: RoleContent): Promise<void> {
  for (;;) {
    await writeTrustRole(operator, place, content);
    await writeTrustPolicy(operator, place, content);
    if ((await rolesNow(operator, place)).has(content.role)) return;
    await operator.settle();
  }
}

/** Takes the rights of a role, then the role. Tokens that it has handed out live on, without rights. */
export async function takeTrust(operator: Operator, place: KeystorePlace, role: string): Promise<void> {
  for (;;) {
    await removeTrustPolicy(operator, place, role);
    await removeTrustRole(operator, place, role);
    await settleUnlessActive(operator);
    if (!(await rolesWithPolicy(operator, place)).has(role)) return;
  }
}

/** The roles of a keystore that let somebody in, for certain. */
export async function rolesNow(operator: Operator, place: KeystorePlace): Promise<ReadonlySet<string>> {
  await settleUnlessActive(operator);
  return rolesThatLetIn(operator, place);
}

/** The roles of a keystore that let somebody in. */
export function rolesThatLetIn(operator: Operator, place: KeystorePlace): Promise<ReadonlySet<string>> {
  return rolesOf(operator, place, certificateRolePath(place.authMount));
}

/** The roles of a keystore whose tokens have rights. */
export function rolesWithPolicy(operator: Operator, place: KeystorePlace): Promise<ReadonlySet<string>> {
  return rolesOf(operator, place, policyPath());
}

async function rolesOf(operator: Operator, place: KeystorePlace, path: string): Promise<ReadonlySet<string>> {
  const names = await operator.list(`${place.below}${path}`);
  return new Set(names.filter((name) => roleKind(place.name, name) !== undefined));
}

async function settleUnlessActive(operator: Operator): Promise<void> {
  if (!(await operator.isAtActiveNode())) await operator.settle();
}

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
