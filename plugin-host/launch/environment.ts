import { PLUGIN_VARIABLES } from '../../plugin-protocol/environment.ts';

/** What a plugin's environment holds besides go-plugin's variables. Nothing else is inherited. */
export interface PluginEnvironmentOptions {
  /** Names of variables of this process that are handed on when set. */
  readonly pass?: readonly string[];
  /** Variables with their values; they win over `pass`. */
  readonly set?: Readonly<Record<string, string>>;
}

/**
 * The child's whole environment: passed, then set, then go-plugin's own.
 *
 * NODE_V8_COVERAGE is there as undefined because Node otherwise hands it to every child by itself.
 */
export function buildEnvironment(
  options: PluginEnvironmentOptions,
  protocol: Readonly<Record<string, string>>,
  inherited: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  const passed = Object.fromEntries((options.pass ?? []).map((name) => [name, inherited[name]]));
  return { NODE_V8_COVERAGE: undefined, ...passed, ...options.set, ...protocol };
}

/** Why a name cannot be passed or set, or undefined when it can. */
export function environmentNameProblem(name: string, how: 'pass' | 'set', cookie: string): string | undefined {
  if (!/^[^=\0]+$/.test(name)) return 'is no name of an environment variable';
  if (PLUGIN_VARIABLES.includes(name) || name.startsWith('PLUGIN_')) return "is go-plugin's; the host sets it";
  if (name === cookie) return 'is the magic cookie; the host sets it';
  if (name === 'NODE_OPTIONS' && how === 'pass') {
    return "would run the host's preloads and debuggers in the plugin; use set if that is meant";
  }
  return undefined;
}
