import { KeystoreError } from '../../keystore/errors.ts';
import type { Logger } from '../../logging/logger.ts';
import { enginePath, keyListPath, namespacePath } from '../paths.ts';
import { roleKind } from './names.ts';
import type { Operator } from './operator.ts';
import type { OperatorTurn } from './operator-turns.ts';
import type { KeystorePlace, ProviderConfiguration } from './place.ts';
import { revokeTokens } from './revoke-tokens.ts';
import {
  removeTrustPolicy,
  removeTrustRole,
  rolesNow,
  rolesThatLetIn,
  rolesWithPolicy,
  writeTrustPolicy,
} from './trust.ts';

/** How a keystore is deleted. */
export interface DeletionOptions {
  readonly isolation: ProviderConfiguration['isolation'];
  /** How long trust may be given back for, even when the time of the deletion is over, in milliseconds. */
  readonly undoTimeMs: number;
  readonly log: Logger;
}

/**
 * Deletes a keystore that has no key. All trust is taken first and the keys are counted again: from then on nobody can make
 * one, and what somebody made in between is found. The second count is a strong statement, so only the active node can make
 * it. Until it is made every failure gives the trust back, and so does the next deletion when this process ends before.
 *
 * @throws KeystoreError `keystore-not-empty`; `no-active-node` when no node says that it is the active one.
 */
export async function deleteKeystore(
  { extend, operator }: Pick<OperatorTurn, 'extend' | 'operator'>,
  place: KeystorePlace,
  { isolation, log, undoTimeMs }: DeletionOptions,
): Promise<void> {
  const withPolicy = await rolesWithPolicy(operator, place);
  const roles = new Set([...(await rolesThatLetIn(operator, place)), ...withPolicy]);
  // What an earlier deletion took and could not give back.
  const taken = new Set([...roles].filter((role) => !withPolicy.has(role)));
  try {
    await requireEmpty(operator, place);
    for (const role of roles) {
      taken.add(role);
      await removeTrustPolicy(operator, place, role);
    }
    await operator.settle();
    if (!(await operator.isAtActiveNode())) {
      throw new KeystoreError('no-active-node', 'no node says that it is the active one');
    }
    await requireEmpty(operator, place);
  } catch (error) {
    if (taken.size > 0) await extend(undoTimeMs, (undoer) => giveBack(undoer, place, taken, log));
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

async function giveBack(
  operator: Operator,
  place: KeystorePlace,
  roles: ReadonlySet<string>,
  log: Logger,
): Promise<void> {
  const orSay = async (what: string, fields: { readonly role?: string }, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const errorClass = error instanceof KeystoreError ? error.class : 'internal';
      log.error({ keystore: place.name, ...fields, class: errorClass }, what);
    }
  };
  for (const role of roles) {
    await orSay('trust that was taken could not be given back', { role }, () =>
      writeTrustPolicy(operator, place, { role, kind: roleKind(place.name, role) ?? 'ROLES' }),
    );
  }
  // Another process may have removed trust meanwhile, which has no rights to get back.
  await orSay('trust that was given back could not be looked at again', {}, async () => {
    const still = await rolesNow(operator, place);
    for (const role of roles) {
      if (!still.has(role)) await removeTrustPolicy(operator, place, role);
    }
  });
}

async function removeParts(
  operator: Operator,
  place: KeystorePlace,
  known: ReadonlySet<string>,
  log: Logger,
): Promise<void> {
  const roles = new Set([...known, ...(await rolesThatLetIn(operator, place))]);
  for (const role of roles) await removeTrustRole(operator, place, role);
  await revokeTokens(operator, place, roles, log);
  await operator.remove(enginePath(place.stateMount));
  await operator.remove(enginePath(place.transitMount));
}

async function requireEmpty(operator: Operator, place: KeystorePlace): Promise<void> {
  const names = await operator.list(`${place.below}${keyListPath(place.transitMount)}`);
  // `import/` stands for the wrapping key.
  if (names.every((name) => name.endsWith('/'))) return;
  throw new KeystoreError('keystore-not-empty', 'the keystore still has keys');
}
