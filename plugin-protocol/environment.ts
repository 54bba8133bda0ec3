import { ProtocolError } from './errors.ts';
import { parseInteger } from './versions.ts';

const MIN_PORT = 'PLUGIN_MIN_PORT';
const MAX_PORT = 'PLUGIN_MAX_PORT';
const PROTOCOL_VERSIONS = 'PLUGIN_PROTOCOL_VERSIONS';
const MULTIPLEX_GRPC = 'PLUGIN_MULTIPLEX_GRPC';
const CLIENT_CERT = 'PLUGIN_CLIENT_CERT';
const UNIX_SOCKET_DIR = 'PLUGIN_UNIX_SOCKET_DIR';
const UNIX_SOCKET_GROUP = 'PLUGIN_UNIX_SOCKET_GROUP';

/** Every variable of go-plugin besides the magic cookie. A host removes inherited ones before it sets its own. */
export const PLUGIN_VARIABLES: readonly string[] = [
  MIN_PORT,
  MAX_PORT,
  PROTOCOL_VERSIONS,
  MULTIPLEX_GRPC,
  CLIENT_CERT,
  UNIX_SOCKET_DIR,
  UNIX_SOCKET_GROUP,
];

const DEFAULT_PORTS = { min: 10_000, max: 25_000 };

/** What a host tells its plugin. An empty variable counts as unset, as in Go. */
export interface PluginEnvironment {
  /** Lowest TCP port, 0 when unset. */
  readonly minPort: number;
  /** Highest TCP port, 0 when unset. */
  readonly maxPort: number;
  /** The announced application versions as sent, for `negotiateVersion`. */
  readonly protocolVersions: string;
  /** As sent. Not empty: the host expects a seventh handshake field, whatever the value says. */
  readonly multiplexing: string;
  /** The host's one-time certificate as sent; `readCertificatePem` checks it. */
  readonly clientCertificatePem?: string;
  readonly unixSocketDir?: string;
  /** A group name or a decimal group id. */
  readonly unixSocketGroup?: string;
}

export type EnvironmentVariables = Readonly<Record<string, string | undefined>>;

/** The plugin's side. Throws `ERR_ENVIRONMENT` on ports that are none or the wrong way round. */
export function readPluginEnvironment(variables: EnvironmentVariables): PluginEnvironment {
  const minPort = readPort(variables, MIN_PORT);
  const maxPort = readPort(variables, MAX_PORT);
  if (minPort > maxPort) {
    throw new ProtocolError(
      'ERR_ENVIRONMENT',
      `${MIN_PORT} value of ${minPort} is greater than ${MAX_PORT} value of ${maxPort}`,
    );
  }
  const clientCertificatePem = variables[CLIENT_CERT];
  const unixSocketDir = variables[UNIX_SOCKET_DIR];
  const unixSocketGroup = variables[UNIX_SOCKET_GROUP];
  return {
    minPort,
    maxPort,
    protocolVersions: variables[PROTOCOL_VERSIONS] ?? '',
    multiplexing: variables[MULTIPLEX_GRPC] ?? '',
    ...(clientCertificatePem ? { clientCertificatePem } : {}),
    ...(unixSocketDir ? { unixSocketDir } : {}),
    ...(unixSocketGroup ? { unixSocketGroup } : {}),
  };
}

function readPort(variables: EnvironmentVariables, name: string): number {
  const text = variables[name];
  if (!text) return 0;
  const port = parseInteger(text);
  if (port === undefined || port < 0 || port > 65_535) {
    throw new ProtocolError('ERR_ENVIRONMENT', `couldn't get value from ${JSON.stringify(name)}: not a port`);
  }
  return port;
}

/**
 * The host's side: what the child's environment needs besides what the host itself passes on. Multiplexing is never
 * asked for. Throws `ERR_ENVIRONMENT` on a cookie name that the environment cannot hold or that is go-plugin's own.
 */
export function buildPluginEnvironment(options: {
  cookieKey: string;
  cookieValue: string;
  protocolVersions: readonly number[];
  clientCertificatePem?: string;
  unixSocketDir?: string;
  unixSocketGroup?: string;
}): Record<string, string> {
  const { cookieKey, cookieValue, clientCertificatePem, unixSocketDir, unixSocketGroup } = options;
  if (!/^[^=\0]+$/.test(cookieKey) || PLUGIN_VARIABLES.includes(cookieKey)) {
    throw new ProtocolError('ERR_ENVIRONMENT', `${JSON.stringify(cookieKey)} cannot be the name of a magic cookie`);
  }
  return {
    [cookieKey]: cookieValue,
    [MIN_PORT]: String(DEFAULT_PORTS.min),
    [MAX_PORT]: String(DEFAULT_PORTS.max),
    [PROTOCOL_VERSIONS]: options.protocolVersions.join(','),
    ...(clientCertificatePem ? { [CLIENT_CERT]: clientCertificatePem } : {}),
    ...(unixSocketDir ? { [UNIX_SOCKET_DIR]: unixSocketDir } : {}),
    ...(unixSocketGroup ? { [UNIX_SOCKET_GROUP]: unixSocketGroup } : {}),
  };
}
