// plugin-sdk's layer on go-plugin: Init answers what a plugin serves, Configure sets it up, Deinit tells it to finish.
import { status } from '@grpc/grpc-js';

import { ConfigService } from '../proto/gen/service/common/config/v1/config.ts';
import { BootstrapService } from '../proto/gen/service/init/v1/init.ts';
import type { Connection } from './connection.ts';
import { type PluginContract, serviceName } from './contract.ts';
import { PluginCallError, PluginHostError, type PluginHostErrorCode } from './errors.ts';
import type { HostService } from './host-service.ts';

const CONFIG = serviceName(ConfigService);

interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The names of the services a plugin says it serves. An Init it does not know counts as no names, as in the Go catalog. */
export async function initPlugin(
  connection: Connection,
  hostServices: readonly HostService[],
  { timeoutMs, signal }: Limits,
): Promise<readonly string[]> {
  const deadline = Date.now() + timeoutMs;
  const request = { hostServiceNames: hostServices.map(({ definition }) => serviceName(definition)) };
  try {
    return (await connection.unary(BootstrapService.init, request, { deadline, signal })).pluginServiceNames;
  } catch (error) {
    if (error instanceof PluginCallError && error.code === status.UNIMPLEMENTED) return [];
    throw setUpError(error, 'ERR_INIT', 'Init failed', connection);
  }
}

/** Throws `ERR_SERVICE_MISSING` unless every required service was named. Answers the names nobody here knows. */
export function matchServices(contract: PluginContract, names: readonly string[]): readonly string[] {
  const services = Object.values(contract.services);
  const missing = services
    .filter(({ definition, required }) => required && !names.includes(serviceName(definition)))
    .map(({ definition }) => serviceName(definition));
  if (missing.length > 0) {
    throw new PluginHostError(
      'ERR_SERVICE_MISSING',
      `the plugin does not serve ${missing.join(', ')}, which its type ${contract.type} requires`,
    );
  }
  const known = [CONFIG, ...services.map(({ definition }) => serviceName(definition))];
  return names.filter((name) => !known.includes(name));
}

/** Whether the plugin wants to be configured. */
export function namesConfig(names: readonly string[]): boolean {
  return names.includes(CONFIG);
}

/** Hands the configuration over; answers the plugin's build info, trimmed, when it has any. */
export async function configurePlugin(
  connection: Connection,
  yamlConfiguration: string,
  { timeoutMs, signal }: Limits,
): Promise<string | undefined> {
  const deadline = Date.now() + timeoutMs;
  try {
    const answer = await connection.unary(ConfigService.configure, { yamlConfiguration }, { deadline, signal });
    return answer.buildInfo?.trim();
  } catch (error) {
    throw setUpError(error, 'ERR_CONFIGURE', 'Configure failed', connection);
  }
}

export async function deinitPlugin(connection: Connection, timeoutMs: number): Promise<void> {
  await connection.unary(BootstrapService.deinit, {}, { deadline: Date.now() + timeoutMs });
}

function setUpError(error: unknown, code: PluginHostErrorCode, what: string, connection: Connection): unknown {
  if (!(error instanceof PluginCallError)) return error;
  const text = `${what}: ${error.status}: ${error.message.slice(0, 500)}`;
  return new PluginHostError(connection.connected ? code : 'ERR_CONNECT', text, {}, { cause: error });
}
