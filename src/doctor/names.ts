import type { PolicyRule } from '../openbao/provider/policy.ts';

/**
 * What the placeholders of the table stand for: Transit mount, key, auth mount, role of the login, path of that role, state
 * mount.
 */
export type Names = Readonly<Partial<Record<'m' | 'k' | 'a' | 'r' | 'l' | 's', string>>>;

/** A text with names in place of the placeholders; one without a name stays. */
export function fillNames(text: string, names: Names): string {
  return text.replace(/<([mkarls])>/g, (placeholder, name: keyof Names) => names[name] ?? placeholder);
}

/** The same for the paths of rights. */
export function fillRules(rules: readonly PolicyRule[], names: Names): readonly PolicyRule[] {
  return rules.map((rule) => ({ ...rule, path: fillNames(rule.path, names) }));
}
