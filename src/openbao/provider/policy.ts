/** One path of a policy. */
export interface PolicyRule {
  readonly path: string;
  readonly capabilities: readonly ('create' | 'read' | 'update' | 'delete' | 'list' | 'sudo')[];
  /** Body fields that a write may have, and their values; an empty list is any value. Absent: every field. */
  readonly allowedParameters?: Readonly<Record<string, readonly (string | boolean)[]>>;
  /** Body fields that a write must have. */
  readonly requiredParameters?: readonly string[];
}

/** A policy in OpenBao's language. The parts were checked before: nothing in them needs an escape. */
export function formatPolicy(rules: readonly PolicyRule[]): string {
  return rules.map(formatRule).join('');
}

/** What a token needs of itself where it lacks OpenBao's `default` policy. */
export const OWN_TOKEN_RULES: readonly PolicyRule[] = [
  { path: 'auth/token/lookup-self', capabilities: ['read'] },
  { path: 'auth/token/renew-self', capabilities: ['update'] },
  { path: 'auth/token/revoke-self', capabilities: ['update'] },
];

function formatRule({ path, capabilities, allowedParameters, requiredParameters }: PolicyRule): string {
  const lines = [`  capabilities = ${list(capabilities)}`];
  if (allowedParameters !== undefined) {
    const fields = Object.entries(allowedParameters).map(([name, values]) => `"${name}" = ${list(values)}`);
    lines.push(`  allowed_parameters = { ${fields.join(', ')} }`);
  }
  if (requiredParameters !== undefined) lines.push(`  required_parameters = ${list(requiredParameters)}`);
  return `path "${path}" {\n${lines.join('\n')}\n}\n`;
}

function list(values: readonly (string | boolean)[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}
