import type { status } from '@grpc/grpc-js';

import type { ProtocolErrorCode } from '../plugin-protocol/errors.ts';
import type { ErrorInfoDetail } from '../plugin-protocol/status-details.ts';

/** Every way in which the host itself, a file, or a plugin's process can fail. What a plugin answers is {@link PluginCallError}. */
export type PluginHostErrorCode =
  // before a process exists
  | 'ERR_OPTIONS'
  | 'ERR_PLUGIN_DIRECTORY'
  | 'ERR_EXECUTABLE_NOT_FOUND'
  | 'ERR_EXECUTABLE_OUTSIDE'
  | 'ERR_EXECUTABLE_UNSAFE'
  | 'ERR_CHECKSUM'
  | 'ERR_SOCKET_DIRECTORY'
  | 'ERR_SPAWN'
  // handshake: no line, then one code per field
  | 'ERR_START_TIMEOUT'
  | 'ERR_HANDSHAKE_MISSING'
  | 'ERR_CERTIFICATE_MISSING'
  | Exclude<ProtocolErrorCode, 'ERR_ENVIRONMENT'>
  // connection and set-up
  | 'ERR_CERTIFICATE_REFUSED'
  | 'ERR_CONNECT'
  | 'ERR_INIT'
  | 'ERR_SERVICE_MISSING'
  | 'ERR_CONFIGURE'
  // broker
  | 'ERR_BROKER_CLOSED'
  | 'ERR_BROKER_ID'
  | 'ERR_BROKER_TIMEOUT'
  // life
  | 'ERR_PLUGIN_EXITED'
  | 'ERR_UNHEALTHY'
  | 'ERR_RESTARTS'
  | 'ERR_NOT_READY'
  | 'ERR_REPLACED'
  | 'ERR_CLOSED'
  // replace
  | 'ERR_PROBE'
  | 'ERR_REPLACE';

/** How far a process came: file and hash checked, started up to its handshake line, connected, `Init`, `Configure`. */
export type StartStep = 'check' | 'start' | 'connect' | 'init' | 'configure';

/** One thing wrong with the options, `path` as in `plugins.OPENBAO.sha256`. */
export interface OptionProblem {
  readonly path: string;
  readonly problem: string;
}

/** All that an error may carry besides its text. Never a configuration, an environment or a request. */
export interface PluginHostErrorDetails {
  readonly plugin?: string;
  /** Where a start failed, or a replacement. */
  readonly step?: StartStep | 'probe' | 'switch';
  /** Of the plugin's process, when it ended by itself. */
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
  /** The end of what the plugin wrote to stderr: at most 20 lines of at most 500 characters. */
  readonly lastStderr?: readonly string[];
  /** The handshake field that was refused. */
  readonly handshakeField?: string;
  readonly path?: string;
  readonly problems?: readonly OptionProblem[];
}

/** The host could not do its part, or the plugin is gone. The message is safe to show. */
export class PluginHostError extends Error {
  readonly code: PluginHostErrorCode;
  readonly details: PluginHostErrorDetails;

  constructor(
    code: PluginHostErrorCode,
    message: string,
    details: PluginHostErrorDetails = {},
    options?: { cause: unknown },
  ) {
    super(message, options);
    this.name = 'PluginHostError';
    this.code = code;
    this.details = details;
  }
}

/** What {@link PluginCallError} is made of. */
export interface PluginCallFailure {
  readonly code: status;
  readonly status: string;
  readonly message: string;
  readonly plugin: string;
  readonly method: string;
  readonly errorInfo?: ErrorInfoDetail;
  readonly retryDelayMs?: number;
}

/** The plugin said no (or the call's deadline passed): the gRPC status of the call, unchanged. */
export class PluginCallError extends Error {
  /** gRPC status code, 1 to 16. */
  readonly code: status;
  /** Its name, for instance `NOT_FOUND`. */
  readonly status: string;
  readonly plugin: string;
  /** Path of the method, `/package.Service/Method`. */
  readonly method: string;
  /** The `google.rpc.ErrorInfo` of the status, when the plugin sent one. */
  readonly errorInfo: ErrorInfoDetail | undefined;
  /** The delay of its `google.rpc.RetryInfo`. */
  readonly retryDelayMs: number | undefined;

  constructor(failure: PluginCallFailure) {
    super(failure.message);
    this.name = 'PluginCallError';
    this.code = failure.code;
    this.status = failure.status;
    this.plugin = failure.plugin;
    this.method = failure.method;
    this.errorInfo = failure.errorInfo;
    this.retryDelayMs = failure.retryDelayMs;
  }
}

/** Why a plugin takes no more calls once it was closed. */
export function closedError(): PluginHostError {
  return new PluginHostError('ERR_CLOSED', 'the plugin was closed');
}

/** The code of a system error, `ENOENT` for instance. */
export function systemErrorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unknown error';
}
