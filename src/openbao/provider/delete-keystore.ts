import { KeystoreError } from '../../keystore/errors.ts';
import type { Logger } from '../../logging/logger.ts';
import { certificateRolePath, enginePath, keyListPath, namespacePath, policyPath } from '../paths.ts';
import { roleKind } from './names.ts';
import type { Operator } from './operator.ts';
import type { KeystorePlace, ProviderConfiguration } from './place.ts';
import { revokeTokens } from './revoke-tokens.ts';
import { removeTrustPolicy, removeTrustRole, writeTrustPolicy } from './trust.ts';

/**
 * Deletes a keystore that has no key. All trust is taken first and the keys are counted again: from then on nobody can make
 * one, and what somebody made in between is found. The second count is a strong statement, so only the active node can make
 * it. Until it is made every failure gives the trust back.
 *
 * @throws KeystoreError `keystore-not-empty`; `no-active-node` when no node says that it is the active one.
 */
export async function deleteKeystore(
  operator: Operator,
  place: KeystorePlace,
  { isolation, log }: { isolation: ProviderConfiguration['isolation']; log: Logger },
): Promise<void> {
  await requireEmpty(operator, place);
  const roles = await rolesOf(operator, place, policyPath());
  try {
    for (const role of roles) await removeTrustPolicy(operator, place, role);
    await operator.settle();
    if (!(await operator.isAtActiveNode())) {
      throw new KeystoreError('no-active-node', 'no node says that it is the active one');
    }
    await requireEmpty(operator, place);
  } catch (error) {
    for (const role of roles) await giveBack(operator, place, role, log);
    throw error;
  }
  // The namespace takes all of it along.
  if (isolation === 'namespace') await removeNamespace(operator, place.name);
  else await removeParts(operator, place, roles, log);
}

async function removeNamespace(operator: Operator, name: string): Promise<void> {
  const path = namespacePath(name);
  await operator.remove(path);
  await operator.gone(path);
}

async function giveBack(operator: Operator, place: KeystorePlace, role: string, log: Logger): Promise<void> {
  try {
    await writeTrustPolicy(operator, place, { role, kind: roleKind(place.name, role) ?? 'ROLES' });
  } catch (error) {
    const errorClass = error instanceof KeystoreError ? error.class : 'internal';
    log.error({ keystore: place.name, role, class: errorClass }, 'trust that was taken could not be given back');
  }
}

async function removeParts(
  operator: Operator,
  place: KeystorePlace,
  withPolicy: readonly string[],
  log: Logger,
): Promise<void> {
  const roles = new Set([...withPolicy, ...(await rolesOf(operator, place, certificateRolePath(place.authMount)))]);
  for (const role of roles) await removeTrustRole(operator, place, role);
  await revokeTokens(operator, place, roles, log);
  await operator.remove(enginePath(place.stateMount));
  await operator.remove(enginePath(place.transitMount));
}

async function rolesOf(operator: Operator, place: KeystorePlace, path: string): Promise<readonly string[]> {
  const names = await operator.list(`${place.below}${path}`);
  return names.filter((name) => roleKind(place.name, name) !== undefined);
}

async function requireEmpty(operator: Operator, place: KeystorePlace): Promise<void> {
  const names = await operator.list(`${place.below}${keyListPath(place.transitMount)}`);
  // `import/` stands for the wrapping key.
  if (names.every((name) => name.endsWith('/'))) return;
  throw new KeystoreError('keystore-not-empty', 'the keystore still has keys');
}
