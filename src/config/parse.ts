import type { z } from 'zod';

import type { PluginType } from '../../keystore-contract/plugin-types.ts';
import { combinationProblems } from './combinations.ts';
import { ConfigurationError, formatPath, type ConfigurationProblem } from './configuration-error.ts';
import { configurationSchema, type PluginConfiguration } from './configuration.ts';
import { providerProblems } from './provider-combinations.ts';
import { Secret } from './secret.ts';
import { takeSupportedRegions } from './supported-regions.ts';
import { readYaml } from './yaml-text.ts';

/**
 * Reads the YAML text of `Configure`. Empty text is valid and means every default. This module loads the YAML and schema
 * libraries: import it when there is something to read.
 *
 * @throws ConfigurationError with all problems of the text together.
 */
export function parseConfiguration(yamlText: string, options: { readonly type: PluginType }): PluginConfiguration {
  const { type } = options;
  const written = readYaml(yamlText) ?? {};
  const merged = type === 'KeystoreProvider' ? takeSupportedRegions(written) : undefined;
  const document = merged === undefined ? written : merged.own;
  const result = configurationSchema.safeParse(document, { error: missing });
  const problems = [
    ...(result.error?.issues.flatMap(toProblems) ?? []),
    ...combinationProblems(document),
    ...providerProblems(document, type),
    ...(merged?.problems ?? []),
  ];
  if (!result.success || problems.length > 0) throw new ConfigurationError(problems);
  return deepFreeze({ ...result.data, ...(merged === undefined ? {} : { supportedRegions: merged.regions }) });
}

function missing(issue: z.core.$ZodRawIssue): string | undefined {
  return issue.code === 'invalid_type' && issue.input === undefined ? 'is missing' : undefined;
}

// The messages of zod name types, limits and choices, never the value.
function toProblems(issue: z.core.$ZodIssue): ConfigurationProblem[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: 'unknown key' }));
    case 'invalid_union': {
      // Of a value that may be a text or a mapping, only the faults of the form that was chosen are of use.
      const chosen = issue.errors.find((faults) => !faults.some(isWrongForm));
      if (chosen === undefined) return [{ path: formatPath(issue.path), message: issue.message }];
      return chosen.flatMap((fault) => toProblems({ ...fault, path: [...issue.path, ...fault.path] }));
    }
    default:
      return [{ path: formatPath(issue.path), message: issue.message }];
  }
}

function isWrongForm(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
