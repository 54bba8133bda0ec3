import { PLUGIN_TYPES, type PluginType } from '../../keystore-contract/plugin-types.ts';
import type { EnvironmentVariables } from '../../plugin-protocol/environment.ts';

/** The type whose magic cookie (name and value are the type) is set. A cookie with another value counts as absent. */
export function selectPluginType(variables: EnvironmentVariables): PluginType | undefined {
  return (Object.keys(PLUGIN_TYPES) as PluginType[]).find((type) => variables[type] === type);
}
