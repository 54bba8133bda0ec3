import { formatPolicy } from '../provider/policy.ts';
import { fill, type PolicyLine, type PolicyNames, toRules } from './least-policies.ts';

/** A rule in OpenBao's language, with what each of its capabilities is for. */
export interface CommentedRule {
  readonly path: string;
  readonly capabilities: readonly string[];
  /** A sentence for each capability. */
  readonly reasons: readonly string[];
  /** Without the reasons. */
  readonly hcl: string;
}

/** The rules that lines come to, those of one path in one rule, in the order of the lines. */
export function commentedRules(lines: readonly PolicyLine[], names: PolicyNames = {}): readonly CommentedRule[] {
  return toRules(lines, names).map((rule) => {
    const own = lines.filter(({ path }) => fill(path, names) === rule.path);
    const reasons = rule.capabilities.map((capability) => {
      const what = own.filter((line) => line.capability === capability).map(reasonOf);
      return `${capability}: ${[...new Set(what)].join('; ')}`;
    });
    return { path: rule.path, capabilities: rule.capabilities, reasons, hcl: formatPolicy([rule]) };
  });
}

function reasonOf({ lost = '', operations }: PolicyLine): string {
  return operations.length > 0 ? operations.join(', ') : `lost without it: ${lost}`;
}
