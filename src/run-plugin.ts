import { PLUGIN_PROTOCOL_VERSION, type PluginType } from '../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate, readCertificatePem } from '../plugin-protocol/certificate.ts';
import {
  readPluginEnvironment,
  type EnvironmentVariables,
  type PluginEnvironment,
} from '../plugin-protocol/environment.ts';
import { ProtocolError } from '../plugin-protocol/errors.ts';
import { formatHandshakeLine } from '../plugin-protocol/handshake.ts';
import { negotiateVersion } from '../plugin-protocol/versions.ts';

import { BUILD_INFO, type BuildInfo } from './build-info.ts';
import { defectFields } from './logging/defect-fields.ts';
import { isError } from './logging/error-fields.ts';
import type { Logger } from './logging/logger.ts';
import { watchParent } from './serve/orphan-guard.ts';
import { startPluginServer } from './serve/plugin-server.ts';
import { createProcessServices } from './serve/process-services.ts';
import type { ServiceRegistration } from './serve/service.ts';
import { preparePluginSocket } from './serve/socket.ts';
import { removeStaleSockets } from './serve/stale-sockets.ts';
import { within } from './serve/within.ts';

/** The reference host kills two seconds after `Shutdown`. Calls take at most 0.8 s of it. */
const SERVICES_CLOSE_MS = 400;
const HARD_STOP_MS = 1_500;

/** What a plugin run needs of its process: everything with an effect outside. */
export interface ProcessEffects {
  /** Id of the parent, now. */
  readonly parentId: () => number;
  /** Signals and the other events of `process`. */
  readonly on: (event: string, listener: (value: unknown) => void) => void;
  /** Throws when the reader of the handshake line is gone. */
  readonly writeStdout: (text: string) => void;
  readonly exit: (code: number) => void;
}

/** The services of the application, as `rpc/services.ts` makes them. */
export type CreateServices = (options: {
  type: PluginType;
  log: Logger;
  buildInfo: BuildInfo;
  /** Aborted when running calls must end: some time after the stop began, before `close`. */
  stopSignal: AbortSignal;
}) => { registrations: readonly ServiceRegistration[]; close(signal: AbortSignal): Promise<void> };

/** How a plugin runs that a person has started, not a host. */
export interface Standalone {
  /** `none`: whoever reaches the socket is served. */
  readonly security: 'mutual-tls' | 'none';
  /** Takes the place of the handshake line on stdout. */
  readonly announce: (serving: {
    readonly line: string;
    readonly socketPath: string;
    readonly certificatePem: string | undefined;
  }) => void;
}

export interface RunPluginOptions {
  readonly type: PluginType;
  readonly variables: EnvironmentVariables;
  readonly log: Logger & { flush(): void };
  readonly effects: ProcessEffects;
  readonly createServices: CreateServices;
  /** Absent: a host has started it. */
  readonly standalone?: Standalone;
}

/** Why the plugin ends: the reason of the root signal. */
export class StopReason extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StopReason';
  }
}

/**
 * The whole life of a plugin process: starts, prints the handshake line last, serves until something stops it, closes
 * everything in reverse order and ends the process; with code 0 unless the start failed or the process broke.
 */
export async function runPlugin(options: RunPluginOptions): Promise<void> {
  const { effects, log } = options;
  const root = new AbortController();
  const stop = (reason: string): void => root.abort(new StopReason(reason));
  let ended = false;
  const end = (code: number): void => {
    if (ended) return;
    ended = true;
    log.flush();
    effects.exit(code);
  };
  const running = new AsyncDisposableStack();
  let exitCode = 0;

  listen(effects, { log, stop, end, isHosted: options.standalone === undefined });
  try {
    await startPlugin(running, options, { signal: root.signal, stop });
    await aborted(root.signal);
  } catch (error) {
    if (error !== root.signal.reason) {
      exitCode = 1;
      log.error({ err: error }, 'plugin init error');
    }
  }
  const hardStop = setTimeout(() => end(exitCode), HARD_STOP_MS).unref();
  if (exitCode === 0) log.info({ reason: messageOf(root.signal.reason) }, 'plugin stops');
  try {
    await running.disposeAsync();
  } catch (error) {
    log.warn({ err: error }, 'not everything could be closed');
  }
  clearTimeout(hardStop);
  end(exitCode);
}

/** Every way to be stopped from outside, apart from the `Shutdown` call and the loss of the parent. */
function listen(
  { on }: ProcessEffects,
  {
    log,
    stop,
    end,
    isHosted,
  }: { log: Logger; stop: (reason: string) => void; end: (code: number) => void; isHosted: boolean },
): void {
  on('SIGTERM', () => stop('SIGTERM'));
  on('SIGHUP', () => stop('SIGHUP'));
  // A terminal sends it to the whole process group; where there is a host, it decides.
  on('SIGINT', () => (isHosted ? log.debug({}, 'interrupt ignored') : stop('SIGINT')));
  on('warning', (warning) => log.warn({ warning: messageOf(warning) }, 'warning of the runtime'));
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    on(event, (error) => {
      log.error({ event, ...defectFields(error) }, 'plugin failed');
      stop(event);
      end(1);
    });
  }
}

async function startPlugin(
  running: AsyncDisposableStack,
  { type, variables, log, effects, createServices, standalone }: RunPluginOptions,
  { signal, stop }: { signal: AbortSignal; stop: (reason: string) => void },
): Promise<void> {
  if (standalone === undefined) {
    const guard = watchParent({ parentId: effects.parentId, onLost: () => stop('the host is gone') });
    running.defer(() => guard.close());
  }
  const environment = readPluginEnvironment(variables);
  const appVersion = negotiateVersion([PLUGIN_PROTOCOL_VERSION], environment.protocolVersions);
  const hostCertificatePem = standalone?.security === 'none' ? undefined : requireHostCertificate(environment);

  const { TMPDIR: temporaryDirectory = '/tmp' } = variables;
  const { unixSocketDir: directory, unixSocketGroup: group } = environment;
  const socket = preparePluginSocket({ temporaryDirectory, ...(directory && { directory }), ...(group && { group }) });
  effects.on('exit', socket.remove);
  running.defer(socket.remove);
  const tls =
    hostCertificatePem === undefined ? undefined : { certificate: createOneTimeCertificate(), hostCertificatePem };
  const line = formatHandshakeLine({
    appVersion,
    network: 'unix',
    address: socket.path,
    protocol: 'grpc',
    ...(tls && { certificateDer: tls.certificate.certificateDer }),
    ...(environment.multiplexing !== '' && { multiplexing: false }),
  });

  const calls = new AbortController();
  const endCalls = (): void => calls.abort(signal.reason);
  const services = createServices({ type, log, buildInfo: BUILD_INFO, stopSignal: calls.signal });
  running.defer(async () => {
    endCalls();
    const closing = services.close(AbortSignal.timeout(SERVICES_CLOSE_MS));
    if (!(await within(closing, SERVICES_CLOSE_MS))) log.warn({}, 'the services did not close in time');
  });
  const application = services.registrations;
  const processServices = createProcessServices({ application, log, onShutdown: () => stop('Shutdown call') });
  const registrations = [...application, ...processServices.registrations];
  const server = await startPluginServer({
    socketPath: socket.path,
    tls,
    registrations,
    endCalls,
  });
  running.defer(() => server.close());
  running.defer(() => processServices.stop());
  socket.open();

  signal.throwIfAborted();
  log.info({ type, version: BUILD_INFO.version, network: 'unix', address: socket.path }, 'plugin serves');
  if (standalone === undefined) effects.writeStdout(line);
  else standalone.announce({ line, socketPath: socket.path, certificatePem: tls?.certificate.certificatePem });
  tidyUp(temporaryDirectory, signal, log);
}

/** Mutual TLS is not optional for a plugin that holds keys. */
function requireHostCertificate({ clientCertificatePem }: PluginEnvironment): string {
  if (clientCertificatePem === undefined) {
    const text = 'PLUGIN_CLIENT_CERT is not set: this plugin serves with mutual TLS only, enable AutoMTLS in the host';
    throw new ProtocolError('ERR_CERTIFICATE', text);
  }
  try {
    return readCertificatePem(clientCertificatePem);
  } catch {
    throw new ProtocolError('ERR_CERTIFICATE', 'PLUGIN_CLIENT_CERT is set but holds no certificate in PEM');
  }
}

function tidyUp(temporaryDirectory: string, signal: AbortSignal, log: Logger): void {
  removeStaleSockets({ temporaryDirectory, signal }).then(
    (count) => count > 0 && log.info({ count }, 'removed sockets that earlier plugins left behind'),
    (error: unknown) => log.debug({ err: error }, 'could not look for sockets that earlier plugins left behind'),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function messageOf(value: unknown): string {
  return isError(value) ? value.message : 'unknown';
}
