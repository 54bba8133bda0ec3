import { X509Certificate } from 'node:crypto';

import { createOneTimeCertificate, type OneTimeCertificate } from '../plugin-protocol/certificate.ts';
import { buildPluginEnvironment } from '../plugin-protocol/environment.ts';
import { ControllerService } from '../plugin-protocol/services.ts';
import { configurePlugin, deinitPlugin, initPlugin, matchServices, namesConfig } from './bootstrap.ts';
import { Broker } from './broker.ts';
import { Connection } from './connection.ts';
import { closedError, PluginHostError, type StartStep } from './errors.ts';
import { acceptHandshake, FirstLine } from './handshake-reader.ts';
import { buildEnvironment } from './launch/environment.ts';
import { openExecutable } from './launch/executable.ts';
import { type PluginProcess, type ProcessExit, startProcess } from './launch/plugin-process.ts';
import { hasOrphanProtection } from './launch/reaper.ts';
import { makeSocketDirectory } from './launch/socket-directory.ts';
import { createLogRelay, type LogRelay } from './log-relay.ts';
import type { PluginPlan } from './options.ts';
import { openStreams } from './streams.ts';
import { settlesWithin } from './wait.ts';

/** How long the end of a process may be known after the end of its pipes or its socket. */
const EXIT_AFTER_EOF_MS = 500;

/** What the host waits for in each step. */
const AWAITED: Readonly<Record<StartStep, string>> = {
  check: 'check',
  start: 'handshake line',
  connect: 'connection',
  init: 'answer to Init',
  configure: 'answer to Configure',
};

/** One running plugin process, as far as it can be shown. */
export interface PluginInfo {
  /** Counts the processes of this plugin, from 1. */
  readonly generation: number;
  readonly pid: number;
  /** The executable, after symlinks. */
  readonly executable: string;
  /** Whether the bytes that were hashed are the bytes that run; where not, the path was started. */
  readonly hashedBytesRun: boolean;
  /** Whether its process group and its socket are done away with even if this process is killed. Linux only. */
  readonly orphanProtection: boolean;
  readonly network: 'unix' | 'tcp';
  /** Socket path, or host and port. */
  readonly address: string;
  /** The negotiated application protocol version. */
  readonly protocolVersion: number;
  /** Of the plugin's one-time certificate: SHA-256, hex pairs with colons. */
  readonly certificateFingerprint: string;
  /** What `Init` named. */
  readonly serviceNames: readonly string[];
  /** The text `Configure` answered, trimmed. */
  readonly buildInfo?: string;
}

/** How to end a plugin. */
export interface CloseOptions {
  /** Do not wait for calls in flight; they reject with `ERR_CLOSED`. */
  readonly force?: boolean;
}

/** How to end one process of a plugin. */
export interface StopOptions extends CloseOptions {
  /** What calls reject with that do not end in the time for draining. Default `ERR_CLOSED`. */
  readonly reason?: Error;
}

/** One life of a plugin process, from its start to its end, as the state machine sees it. */
export interface Running {
  readonly info: PluginInfo;
  /** Aborts when the process is gone, with the `ERR_PLUGIN_EXITED` that its calls reject with. */
  readonly gone: AbortSignal;
  /** Calls drained, Deinit, Shutdown, channel, process, directory. Never rejects; bounded in time; one stop for all callers. */
  stop(options?: StopOptions): Promise<void>;
  /** Ends it at once: calls reject with the reason, neither Deinit nor Shutdown, SIGKILL. Otherwise as `stop`. */
  kill(reason: Error): Promise<void>;
}

/** A running process with the connection that its calls take. */
export interface Generation extends Running {
  readonly connection: Connection;
  readonly broker: Broker;
  /** Aborts when it is told to end or is gone, with the reason. */
  readonly leaving: AbortSignal;
  /** The end of what it has written to stderr so far. */
  lastStderr(): readonly string[];
}

/**
 * Starts a process and sets it up. What goes wrong first is what it rejects with, and then nothing of it is left: each
 * step puts its undoing on one stack, and the same stack is the order of an ordinary stop.
 */
export async function startGeneration(plan: PluginPlan, number: number, signal: AbortSignal): Promise<Generation> {
  const attempt: StartAttempt = { number, relay: createLogRelay(plan.logger), step: 'check' };
  try {
    return await start(plan, attempt, signal);
  } catch (error) {
    throw named(error, plan.name, attempt);
  }
}

interface StartAttempt {
  readonly number: number;
  readonly relay: LogRelay;
  /** Undefined once it is ready. */
  step: StartStep | undefined;
}

async function start(plan: PluginPlan, attempt: StartAttempt, signal: AbortSignal): Promise<Generation> {
  const { number, relay } = attempt;
  await using resources = new AsyncDisposableStack();
  const sockets = resources.use(await makeSocketDirectory(plan.socketDirectory));
  const own = createOneTimeCertificate();
  // Ends after the process, which may want the host's services to its last moment.
  const broker = resources.use(
    new Broker({
      plugin: plan.name,
      generation: number,
      own,
      directory: sockets.path,
      limits: plan,
      logger: plan.logger,
    }),
  );
  const firstLine = new FirstLine();
  const launched = { attempt, firstLine, own, unixSocketDir: sockets.path };
  const { child, executable, hashedBytesRun } = await launch(plan, launched, signal);
  resources.use(child);

  const gone = new AbortController();
  void child.exited.then((exit) => {
    plan.logger.info({ generation: number, pid: child.pid, ...exit }, 'plugin process ended');
    gone.abort(exitError(exit, plan.name, attempt));
  });
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(startTimeout(plan, attempt.step)), plan.startTimeoutMs);
  resources.defer(() => clearTimeout(timer));
  const cause = AbortSignal.any([signal, gone.signal, limit.signal]);

  const line = await preferExit(child, gone.signal, firstLine.read(cause));
  const handshake = acceptHandshake(line, plan.protocolVersions);
  await child.assertUnchanged();

  attempt.step = 'connect';
  const connection = new Connection(plan.name, handshake, own);
  const hangUp = (reason: Error): void => {
    connection.end(reason);
    broker.hangUp(reason);
  };
  gone.signal.addEventListener('abort', () => hangUp(gone.signal.reason as Error), { once: true });
  resources.defer(() => hangUp(closedError()));
  const { certificateDer } = handshake;
  const streams = { brokered: { broker, certificateDer }, logger: plan.logger, relay, signal: cause };
  await preferExit(child, gone.signal, openStreams(connection, streams));
  clearTimeout(timer);
  resources.defer(() => askToLeave(child, connection, plan));

  attempt.step = 'init';
  await broker.acceptHostServices(plan.hostServices);
  const serviceNames = await initPlugin(connection, plan.hostServices, {
    timeoutMs: plan.initTimeoutMs,
    signal: cause,
  });
  resources.defer(() => deinit(connection, plan));
  const unknown = matchServices(plan.contract, serviceNames);
  if (unknown.length > 0) plan.logger.warn({ unknown }, 'plugin names services that this host does not know');

  attempt.step = 'configure';
  const buildInfo = await configure(connection, plan, serviceNames, cause);

  attempt.step = undefined;
  const hurry = Promise.withResolvers<undefined>();
  let late: Error = closedError();
  resources.defer(() => drain([connection, ...broker.connections], plan, { hurry: hurry.promise, late: () => late }));
  const held = resources.move();
  const leaving = new AbortController();
  gone.signal.addEventListener('abort', () => leaving.abort(gone.signal.reason), { once: true });
  let stopping: Promise<void> | undefined;
  return {
    info: {
      generation: number,
      pid: child.pid,
      executable,
      hashedBytesRun,
      orphanProtection: hasOrphanProtection(),
      network: handshake.network,
      address: handshake.address,
      protocolVersion: handshake.appVersion,
      certificateFingerprint: new X509Certificate(handshake.certificateDer).fingerprint256,
      serviceNames,
      ...(buildInfo !== undefined && { buildInfo }),
    },
    connection,
    broker,
    leaving: leaving.signal,
    lastStderr: () => relay.lastLines(),
    gone: gone.signal,
    stop({ force = false, reason = closedError() } = {}) {
      late = reason;
      leaving.abort(reason);
      if (force) hurry.resolve(undefined);
      return (stopping ??= held.disposeAsync());
    },
    kill(reason) {
      leaving.abort(reason);
      hangUp(reason);
      return (stopping ??= held.disposeAsync());
    },
  };
}

async function launch(
  plan: PluginPlan,
  {
    attempt,
    firstLine,
    own,
    unixSocketDir,
  }: { attempt: StartAttempt; firstLine: FirstLine; own: OneTimeCertificate; unixSocketDir: string },
  signal: AbortSignal,
): Promise<{ child: PluginProcess; executable: string; hashedBytesRun: boolean }> {
  await using executable = await openExecutable({ ...plan, signal });
  attempt.step = 'start';
  const protocol = buildPluginEnvironment({
    cookieKey: plan.contract.type,
    cookieValue: plan.contract.type,
    protocolVersions: plan.protocolVersions,
    clientCertificatePem: own.certificatePem,
    unixSocketDir,
  });
  const child = await startProcess({
    executable,
    args: plan.args,
    environment: buildEnvironment(plan.environment, protocol),
    stdout: firstLine,
    stderr: attempt.relay.sink('stderr'),
  });
  return { child, executable: executable.path, hashedBytesRun: executable.hashedBytesRun };
}

async function configure(
  connection: Connection,
  plan: PluginPlan,
  serviceNames: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (namesConfig(serviceNames)) {
    return configurePlugin(connection, plan.configuration, { timeoutMs: plan.configureTimeoutMs, signal });
  }
  if (plan.configuration !== '') plan.logger.warn({}, 'plugin takes no configuration; the one it has is not used');
  return undefined;
}

/** Calls that do not end in time are rejected here, or they would be rejected by what comes of the steps that follow. */
async function drain(
  connections: readonly Connection[],
  { drainTimeoutMs, logger }: PluginPlan,
  { hurry, late }: { hurry: Promise<undefined>; late: () => Error },
): Promise<void> {
  const drained = Promise.all(connections.map((connection) => connection.drained(drainTimeoutMs)));
  const quiet = await Promise.race([drained.then((each) => each.every(Boolean)), hurry.then(() => true)]);
  if (!quiet) logger.warn({ drainTimeoutMs }, 'plugin is closed with calls in flight');
  for (const connection of connections) connection.rejectCalls(late());
}

/** A plugin that cannot or will not finish in time is stopped all the same. */
async function deinit(connection: Connection, plan: PluginPlan): Promise<void> {
  if (connection.ended) return;
  await deinitPlugin(connection, plan.deinitTimeoutMs).catch((error: unknown) => {
    plan.logger.debug({ reason: (error as Error).message }, 'Deinit failed');
  });
}

/** Any outcome is a success: a Go plugin dies inside the call. */
async function askToLeave(child: PluginProcess, connection: Connection, plan: PluginPlan): Promise<void> {
  if (connection.ended) return;
  child.expectExit();
  const deadline = Date.now() + plan.shutdownTimeoutMs;
  await connection.unary(ControllerService.shutdown, {}, { deadline }).catch(() => undefined);
}

/** A process that dies closes its pipes and its socket first; its end is the better explanation. */
async function preferExit<T>(child: PluginProcess, gone: AbortSignal, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    const isEffect =
      error instanceof PluginHostError && (error.code === 'ERR_HANDSHAKE_MISSING' || error.code === 'ERR_CONNECT');
    if (isEffect && (await settlesWithin(child.exited, EXIT_AFTER_EOF_MS))) gone.throwIfAborted();
    throw error;
  }
}

function startTimeout({ startTimeoutMs }: PluginPlan, step: StartStep = 'connect'): PluginHostError {
  return new PluginHostError(
    'ERR_START_TIMEOUT',
    `timeout while waiting for plugin to start: no ${AWAITED[step]} within ${startTimeoutMs} ms`,
  );
}

function exitError(exit: ProcessExit, name: string, { relay, step }: StartAttempt): PluginHostError {
  const how = exit.signal === null ? `exited with code ${exit.exitCode ?? 'unknown'}` : `was ended by ${exit.signal}`;
  const when = step === undefined ? '' : ` while the host waited for its ${AWAITED[step]}`;
  return new PluginHostError('ERR_PLUGIN_EXITED', `plugin ${name} ${how}${when}`, {
    plugin: name,
    lastStderr: relay.lastLines(),
    ...(step !== undefined && { step }),
    ...(exit.exitCode !== null && { exitCode: exit.exitCode }),
    ...(exit.signal !== null && { signal: exit.signal }),
  });
}

/** What the steps reject with says what; this adds who, and what the plugin had to say. */
function named(error: unknown, plugin: string, { relay, step }: StartAttempt): unknown {
  if (!(error instanceof PluginHostError) || error.details.plugin !== undefined) return error;
  const lastStderr = relay.lastLines();
  const details = {
    ...error.details,
    plugin,
    ...(step !== undefined && { step }),
    ...(lastStderr.length > 0 && { lastStderr }),
  };
  const options = error.cause === undefined ? undefined : { cause: error.cause };
  return new PluginHostError(error.code, `plugin ${plugin}: ${error.message}`, details, options);
}
