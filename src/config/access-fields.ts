import { MAX_ADDRESS_LENGTH } from './address-rules.ts';
import { isPath, isPathSegment, isRegionLabel } from './path-rules.ts';

/** What a text of access data must be. */
export interface FieldRule {
  /** In characters. */
  readonly maxLength: number;
  readonly accepts: (text: string) => boolean;
}

export const anything = (): boolean => true;

/** What a tenant may say of where a key is. `address` has rules and an error class of its own. */
export const TENANT_FIELDS = {
  address: { maxLength: MAX_ADDRESS_LENGTH, accepts: anything },
  namespace: { maxLength: 255, accepts: isPath },
  mountPath: { maxLength: 255, accepts: isPath },
  authMountPath: { maxLength: 255, accepts: isPath },
  roleName: { maxLength: 255, accepts: isPathSegment },
  region: { maxLength: 50, accepts: isRegionLabel },
} as const satisfies Record<string, FieldRule>;

/** Texts by the names of a table. Members that were absent or empty are absent. */
export type Texts<Name extends string> = Readonly<Partial<Record<Name, string>>>;

/**
 * Takes the members that a table names; looks at no other. Absent, null and empty are alike.
 *
 * @returns the texts, and the names of the members that have the wrong type, are too long or break their pattern.
 */
export function readFields<Name extends string>(
  rules: Readonly<Record<Name, FieldRule>>,
  values: Readonly<Record<string, unknown>>,
): { readonly texts: Texts<Name>; readonly unusable: readonly Name[] } {
  const texts = new Map<Name, string>();
  const unusable: Name[] = [];
  for (const name of Object.keys(rules) as Name[]) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'string' && isAcceptable(rules[name], value)) texts.set(name, value);
    else unusable.push(name);
  }
  return { texts: Object.fromEntries(texts) as Texts<Name>, unusable };
}

function isAcceptable(rule: FieldRule, text: string): boolean {
  return text.length <= rule.maxLength && rule.accepts(text);
}
