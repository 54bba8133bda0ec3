import type { PluginType } from '../../keystore-contract/plugin-types.ts';
import { readBoundedFile } from '../config/bounded-file.ts';
import { ConfigurationError, type ConfigurationProblem } from '../config/configuration-error.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { parseConfiguration } from '../config/parse.ts';
import { MAX_CONFIGURATION_BYTES, readYaml } from '../config/yaml-text.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import { type LocatedProblem, locateProblems } from './locate-problems.ts';
import { isStory4 } from './story4.ts';

/** What a configuration file came to. */
export type ConfigurationFile = {
  readonly text: string;
  /** What the text is plain data of; undefined when it is no YAML. */
  readonly document: unknown;
  readonly type: PluginType;
} & (
  | { readonly configuration: PluginConfiguration; readonly problems: readonly [] }
  | { readonly configuration?: undefined; readonly problems: readonly LocatedProblem[] }
);

/**
 * Reads a configuration and finds all that is wrong with it.
 *
 * @throws CommandError when there is no text to be had
 */
export async function readConfigurationFile(file: string, type?: string): Promise<ConfigurationFile> {
  const text = await readText(file);
  let document: unknown;
  try {
    document = readYaml(text);
  } catch (error) {
    return { text, document, type: typeOf(type, document), problems: locateProblems(text, problemsOf(error)) };
  }
  const chosen = typeOf(type, document);
  try {
    const configuration = parseConfiguration(text, { type: chosen });
    return { text, document, type: chosen, configuration, problems: [] };
  } catch (error) {
    return { text, document, type: chosen, problems: locateProblems(text, problemsOf(error)) };
  }
}

/**
 * A configuration that is right.
 *
 * @throws CommandError with all that is wrong with it
 */
export async function requireConfiguration(
  file: string,
  type?: string,
): Promise<{ readonly configuration: PluginConfiguration; readonly text: string; readonly type: PluginType }> {
  const { configuration, document, problems, ...read } = await readConfigurationFile(file, type);
  if (configuration !== undefined) return { ...read, configuration };
  const lines = problems.map((problem) => `${file}${formatProblem(problem)}`);
  const hint = isStory4(document) ? 'config check translates it' : undefined;
  throw new CommandError(EXIT.configuration, ['the configuration is not valid', ...lines].join('\n  '), hint);
}

/** `:3: auth.roleId: is missing`. */
export function formatProblem({ line, message, path }: LocatedProblem): string {
  return `${line === undefined ? '' : `:${line}`}: ${path === '' || path === `line ${String(line)}` ? '' : `${path}: `}${message}`;
}

async function readText(file: string): Promise<string> {
  const unreadable = (why: string): never => {
    throw new CommandError(EXIT.configuration, `${file} cannot be read (${why})`);
  };
  const bytes = await readBoundedFile(file, MAX_CONFIGURATION_BYTES).catch((error: unknown) =>
    unreadable((error as NodeJS.ErrnoException).code ?? 'unknown reason'),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return unreadable('not UTF-8 text');
  }
}

function typeOf(type: string | undefined, document: unknown): PluginType {
  if (type !== undefined) return type as PluginType;
  const hasProvider = typeof document === 'object' && document !== null && Object.hasOwn(document, 'provider');
  return hasProvider ? 'KeystoreProvider' : 'KeystoreInstanceKeyOperation';
}

function problemsOf(error: unknown): readonly ConfigurationProblem[] {
  if (error instanceof ConfigurationError) return error.problems;
  throw error;
}
