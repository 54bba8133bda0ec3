import { KeystoreError } from '../../keystore/errors.ts';
import type { Logger } from '../../logging/logger.ts';
import { type Answer, answerData, asObject } from '../answer.ts';
import { ACCESSOR_PATHS, loginPath } from '../paths.ts';
import type { Operator } from './operator.ts';
import type { KeystorePlace } from './place.ts';

/** Tokens that are looked at in one go; those beyond have lost their rights all the same, and end with their lease. */
const MAX_TOKENS = 10_000;
const LOOKUPS_AT_ONCE = 8;

/**
 * Revokes the tokens that these roles of a keystore have handed out, and no other. OpenBao cannot say which tokens a role
 * has, so every token of the namespace is looked at.
 */
export async function revokeTokens(
  operator: Operator,
  place: KeystorePlace,
  roles: ReadonlySet<string>,
  log: Logger,
): Promise<void> {
  if (roles.size === 0) return;
  if (!(await operator.isAtActiveNode())) await operator.settle();
  const accessors = await operator.list(`${place.below}${ACCESSOR_PATHS.all}`);
  if (accessors.length > MAX_TOKENS) {
    const fields = { keystore: place.name, tokens: accessors.length, looked_at: MAX_TOKENS };
    log.warn(fields, 'too many tokens to find all those of a role that was removed');
  }
  const pending = accessors.slice(0, MAX_TOKENS).values();
  const results = await Promise.all(
    Array.from({ length: LOOKUPS_AT_ONCE }, () => revokeAmong(operator, place, roles, pending)),
  );
  // One that is denied may have ended in between. If all are, it is the operator who lacks the right.
  const denied = results.find(({ denial }) => denial !== undefined)?.denial;
  if (denied !== undefined && results.every(({ found }) => found === 0)) throw denied;
}

async function revokeAmong(
  operator: Operator,
  place: KeystorePlace,
  roles: ReadonlySet<string>,
  accessors: Iterable<string>,
): Promise<{ readonly found: number; readonly denial: KeystoreError | undefined }> {
  let found = 0;
  let denial: KeystoreError | undefined;
  for (const accessor of accessors) {
    let answer: Answer;
    try {
      answer = await operator.ask(`${place.below}${ACCESSOR_PATHS.lookup}`, { accessor });
    } catch (error) {
      if (!(error instanceof KeystoreError) || error.class !== 'permission-denied') throw error;
      denial = error;
      continue;
    }
    // Any other answer says that the token has ended since it was listed.
    if (answer.status !== 200) continue;
    found += 1;
    if (isOf(answer, place, roles)) await operator.write(`${place.below}${ACCESSOR_PATHS.revoke}`, { accessor });
  }
  return { found, denial };
}

function isOf(answer: Answer, { authMount }: KeystorePlace, roles: ReadonlySet<string>): boolean {
  const { meta, path } = answerData(answer) ?? {};
  const role = asObject(meta)?.cert_name;
  return path === loginPath(authMount) && typeof role === 'string' && roles.has(role);
}
