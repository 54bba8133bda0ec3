import { type Check, type CheckId, GROUPS, groupOf } from './check.ts';

/** Which checks are wanted: ids, or names of groups. */
export interface Selection {
  /** These, and what they need; all by default. */
  readonly only?: readonly string[];
  /** Not these, and nothing that needs them. */
  readonly skip?: readonly string[];
  /** Nothing that needs the key or its policy. */
  readonly pre?: boolean;
}

/** Why a check is not made; `not-asked` ones do not appear in the report. */
export type LeftOut = 'not-asked' | 'skip' | 'pre';

/** An id or group that no check has. */
export class UnknownCheckError extends Error {
  override readonly name = 'UnknownCheckError';
  readonly unknown: readonly string[];

  constructor(unknown: readonly string[]) {
    super(`there is no check and no group of the name ${unknown.join(', ')}`);
    this.unknown = unknown;
  }
}

/**
 * Tells of each check that is left out why.
 *
 * @throws UnknownCheckError
 */
export function select(
  checks: readonly Check[],
  { only, skip = [], pre = false }: Selection,
): ReadonlyMap<CheckId, LeftOut> {
  const unknown = [...(only ?? []), ...skip].filter(
    (name) => !Object.hasOwn(GROUPS, name) && !checks.some(({ id }) => id === name),
  );
  if (unknown.length > 0) throw new UnknownCheckError(unknown);
  const named = (names: readonly string[], id: CheckId): boolean => names.includes(id) || names.includes(groupOf(id));
  const asked = only === undefined ? undefined : withNeeds(checks, (id) => named(only, id));
  const leftOut = new Map<CheckId, LeftOut>();
  for (const check of checks) {
    if (asked !== undefined && !asked.has(check.id)) leftOut.set(check.id, 'not-asked');
    else if (named(skip, check.id)) leftOut.set(check.id, 'skip');
    else if (pre && check.pre !== true) leftOut.set(check.id, 'pre');
  }
  return leftOut;
}

/** The checks that are asked for and all that they need, directly or not. Needs stand before what needs them. */
function withNeeds(checks: readonly Check[], isAsked: (id: CheckId) => boolean): ReadonlySet<CheckId> {
  const wanted = new Set<CheckId>();
  for (const { id, needs } of checks.toReversed()) {
    if (!isAsked(id) && !wanted.has(id)) continue;
    wanted.add(id);
    for (const need of needs) wanted.add(need);
  }
  return wanted;
}
