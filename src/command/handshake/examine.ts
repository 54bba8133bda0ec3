import { X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';

import { status } from '@grpc/grpc-js';

import { configurePlugin, deinitPlugin, initPlugin } from '../../../plugin-host/bootstrap.ts';
import { Connection } from '../../../plugin-host/connection.ts';
import type { UnaryMethod } from '../../../plugin-host/contract.ts';
import { PluginCallError } from '../../../plugin-host/errors.ts';
import { acceptHandshake, type AcceptedHandshake } from '../../../plugin-host/handshake-reader.ts';
import { createLogRelay } from '../../../plugin-host/log-relay.ts';
import { openStreams } from '../../../plugin-host/streams.ts';
import { settlesWithin } from '../../../plugin-host/wait.ts';
import {
  initServiceNames,
  PLUGIN_PROTOCOL_VERSION,
  PLUGIN_TYPES,
  type PluginType,
  SERVICE_DEFINITIONS,
  SERVICE_NAMES,
} from '../../../keystore-contract/plugin-types.ts';
import {
  BrokerService,
  ControllerService,
  HEALTH_SERVICE_NAME,
  HealthService,
  ReflectionV1AlphaService,
  ReflectionV1Service,
  StdioService,
} from '../../../plugin-protocol/services.ts';
import { listServices } from './list-services.ts';
import { CheckFailure, type Protocol } from './protocol.ts';
import { tryStrangers } from './strangers.ts';
import { describeSocket, type Subject } from './subject.ts';

/** go-plugin's own limits: for the line, and from Shutdown to SIGKILL. */
const START_TIMEOUT_MS = 60_000;
const LEAVE_MS = 2000;
/** For everything that a plugin answers at once, unless it hangs. */
const ANSWER_TIMEOUT_MS = 10_000;

const SERVING = 1;

interface Examination {
  readonly subject: Subject;
  readonly protocol: Protocol;
  readonly type: PluginType;
  /** Absent: it is not configured. */
  readonly configuration: string | undefined;
  readonly signal: AbortSignal;
}

/** Looks at a process that was just started until it has ended. What is not right is in the protocol. */
export async function examine(examination: Examination): Promise<void> {
  const { protocol, signal, subject } = examination;
  const { process } = subject;
  const gone = new AbortController();
  void process.exited.then(({ exitCode, signal: by }) => {
    gone.abort(new CheckFailure(`the process ended by itself, ${by ?? `code ${String(exitCode)}`}`));
  });
  const handshake = await readLine(examination, gone.signal);
  if (handshake !== undefined) {
    await using resources = new AsyncDisposableStack();
    const connection = new Connection('plugin', handshake, subject.own);
    resources.defer(() => connection.end(new CheckFailure('the self-test is over')));
    await protocol.check('certificate', () => certificate(handshake, connection, signal), signal);
    await protocol.check('socket', () => socket(handshake, subject), signal);
    await protocol.check('strangers', () => strangers(handshake), signal);
    const talks = await converse(examination, connection);
    if (talks) await protocol.check('shutdown', () => shutdown(connection, subject, signal), signal);
  }
  await process[Symbol.asyncDispose]();
  await lookBack(examination, handshake !== undefined);
}

async function readLine(
  { protocol, signal, subject }: Examination,
  gone: AbortSignal,
): Promise<AcceptedHandshake | undefined> {
  const started = performance.now();
  const late = AbortSignal.timeout(START_TIMEOUT_MS);
  let handshake: AcceptedHandshake | undefined;
  await protocol.check(
    'line',
    async () => {
      const text = await subject.firstLine.read(AbortSignal.any([signal, late])).catch(async (error: unknown) => {
        if (late.aborted) throw new CheckFailure(`no line within ${START_TIMEOUT_MS / 1000} s`);
        // The end of the process explains the end of its output.
        if (!signal.aborted && (await settlesWithin(subject.process.exited, ANSWER_TIMEOUT_MS))) gone.throwIfAborted();
        throw error;
      });
      const ms = Math.round(performance.now() - started);
      handshake = acceptHandshake(text, [PLUGIN_PROTOCOL_VERSION]);
      const { address, appVersion, network, protocol: spoken } = handshake;
      return [`${network} ${address}`, `${spoken}, application protocol ${appVersion}`, `${ms} ms after the start`];
    },
    signal,
  );
  return handshake;
}

async function certificate(
  { certificateDer }: AcceptedHandshake,
  connection: Connection,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = new X509Certificate(certificateDer);
  const [from, until] = [found.validFromDate, found.validToDate];
  const now = new Date();
  if (now < from || now > until) {
    throw new CheckFailure(
      `valid from ${from.toISOString()} until ${until.toISOString()}, and now is ${now.toISOString()}`,
    );
  }
  if (found.checkHost('localhost') === undefined) throw new CheckFailure('the certificate is not for localhost');
  // A connection that trusts this certificate alone proves that it is the one presented.
  await call(connection, HealthService.check, { service: HEALTH_SERVICE_NAME }, signal).catch((error: unknown) => {
    if (!(error instanceof PluginCallError) || error.code === status.UNAVAILABLE) throw error;
  });
  // In halves, which a line of a terminal holds.
  const fingerprint = found.fingerprint256.replace(/^(.{47}):/, '$1 ');
  return [`SHA-256 ${fingerprint}`, `valid until ${until.toISOString().slice(0, 10)}`];
}

async function socket({ address, network }: AcceptedHandshake, subject: Subject): Promise<readonly string[]> {
  if (network !== 'unix') throw new CheckFailure(`${network} ${address}: others on this machine can connect`);
  if (dirname(address) !== subject.socketDirectory) {
    throw new CheckFailure(`${address} is not in ${subject.socketDirectory}, which the host named`);
  }
  const { isSocket, mode } = await describeSocket(address).catch(() => ({ isSocket: false, mode: '' }));
  if (!isSocket) throw new CheckFailure(`${address} is no socket`);
  if (mode !== '600') throw new CheckFailure(`its mode is ${mode}`);
  return [`mode ${mode}`];
}

async function strangers(handshake: AcceptedHandshake): Promise<readonly string[]> {
  const found = [...(await tryStrangers(handshake))];
  const admitted = found.filter(([, isRefused]) => !isRefused).map(([name]) => `a client with ${name} is let in`);
  if (admitted.length > 0) throw new CheckFailure(...admitted);
  return [`refused: ${found.map(([name]) => name).join(', ')}`];
}

/** Answers whether there is a connection at all. */
async function converse(examination: Examination, connection: Connection): Promise<boolean> {
  const { configuration, protocol, signal, type } = examination;
  const limits = { timeoutMs: ANSWER_TIMEOUT_MS, signal };
  const talks = await protocol.check(
    'streams',
    async () => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
      await openStreams(connection, { logger: SILENT, relay: createLogRelay(SILENT), signal: limit }).catch(
        (error: unknown) => {
          throw limit.aborted && !signal.aborted ? new CheckFailure('no connection in time') : error;
        },
      );
      return ['broker and stdio open'];
    },
    signal,
  );
  if (!talks) return false;
  await protocol.check('health', () => health(connection, signal), signal);
  await protocol.check(
    'init',
    async () => {
      const names = await initPlugin(connection, [], limits);
      const wanted = initServiceNames(type);
      if (names.join() === wanted.join()) return names;
      throw new CheckFailure(`it names ${names.join(', ') || 'nothing'}`, `wanted is ${wanted.join(', ')}`);
    },
    signal,
  );
  await protocol.check('reflection', () => reflection(connection, type, signal), signal);
  await protocol.check('services', () => services(connection, type, signal), signal);
  if (configuration === undefined) return true;
  await protocol.check(
    'configure',
    async () => {
      const text = await configurePlugin(connection, configuration, limits);
      return [describeBuild(text)];
    },
    signal,
  );
  return true;
}

async function health(connection: Connection, signal: AbortSignal): Promise<readonly string[]> {
  const answer = await call(connection, HealthService.check, { service: HEALTH_SERVICE_NAME }, signal);
  if (answer.status === SERVING) return ['SERVING'];
  throw new CheckFailure(`status ${answer.status}`);
}

async function reflection(connection: Connection, type: PluginType, signal: AbortSignal): Promise<readonly string[]> {
  const found = await listServices(connection.client, { timeoutMs: ANSWER_TIMEOUT_MS, signal });
  if (typeof found === 'string') throw new CheckFailure(found);
  const wanted = servicesOf(type);
  const missing = wanted.filter((name) => !found.includes(name));
  const unknown = found.filter((name) => !wanted.includes(name));
  if (missing.length + unknown.length === 0) return [`${found.length} services`, ...found];
  throw new CheckFailure(
    ...missing.map((name) => `${name} is missing`),
    ...unknown.map((name) => `${name} is unknown`),
  );
}

/** Every method of the application with an empty request: none of them may get past the missing configuration. */
async function services(connection: Connection, type: PluginType, signal: AbortSignal): Promise<readonly string[]> {
  const keys = [...PLUGIN_TYPES[type].named, ...PLUGIN_TYPES[type].unnamed].filter((key) => key !== 'config');
  const faults: string[] = [];
  let count = 0;
  for (const key of keys) {
    for (const method of Object.values(SERVICE_DEFINITIONS[key]) as UnaryMethod<unknown, unknown>[]) {
      count += 1;
      const answer = await outcome(connection, { ...method, requestSerialize: () => Buffer.alloc(0) }, signal);
      if (answer !== status.FAILED_PRECONDITION) faults.push(`${method.path} was answered with ${nameOf(answer)}`);
    }
  }
  if (faults.length > 0) throw new CheckFailure(...faults);
  return [`${count} methods of ${keys.map((key) => SERVICE_NAMES[key]).join(', ')}`];
}

async function outcome(
  connection: Connection,
  method: UnaryMethod<unknown, unknown>,
  signal: AbortSignal,
): Promise<status> {
  try {
    await call(connection, method, {}, signal);
    return status.OK;
  } catch (error) {
    if (error instanceof PluginCallError) return error.code;
    throw error;
  }
}

async function shutdown(connection: Connection, subject: Subject, signal: AbortSignal): Promise<readonly string[]> {
  await deinitPlugin(connection, ANSWER_TIMEOUT_MS);
  const asked = performance.now();
  // Any outcome is one: the process may be gone before it has answered.
  const answered = call(connection, ControllerService.shutdown, {}, signal).catch((error: unknown) => {
    if (!(error instanceof PluginCallError)) throw error;
  });
  if (!(await settlesWithin(subject.process.exited, LEAVE_MS))) {
    throw new CheckFailure(`it still runs ${LEAVE_MS / 1000} s after Shutdown`);
  }
  await answered;
  const ms = Math.round(performance.now() - asked);
  const { exitCode, signal: by } = await subject.process.exited;
  if (exitCode !== 0) throw new CheckFailure(`it ended by ${by ?? `code ${String(exitCode)}`}`);
  return [`${ms} ms after Shutdown`];
}

/** What can be seen only when it has ended. */
async function lookBack({ protocol, signal, subject }: Examination, wasAsked: boolean): Promise<void> {
  const more = subject.moreStdout();
  if (more > 0) protocol.failed('stdout', `${more} bytes more`);
  else if (wasAsked) protocol.passed('stdout');
  const { count, unstructured } = subject.stderr();
  if (unstructured > 0) protocol.failed('log', `${unstructured} of ${count} lines are no log lines`);
  else if (count > 0) protocol.passed('log', `${count} lines`);
  const { signal: endedBy } = await subject.process.exited;
  // Who is killed cannot tidy up.
  if (!wasAsked || endedBy === 'SIGKILL') return;
  await protocol.check(
    'remains',
    async () => {
      const left = await subject.remains();
      if (left.length > 0) throw new CheckFailure(...left.map((path) => `${path} was left`));
      return [];
    },
    signal,
  );
}

function call<Request, Response>(
  connection: Connection,
  method: UnaryMethod<Request, Response>,
  request: Request,
  signal: AbortSignal,
): Promise<Response> {
  return connection.unary(method, request, { deadline: Date.now() + ANSWER_TIMEOUT_MS, signal });
}

/** Everything that a process of the type serves. */
function servicesOf(type: PluginType): readonly string[] {
  const { named, unnamed } = PLUGIN_TYPES[type];
  const application = (['bootstrap', ...named, ...unnamed] as const).map((key) => SERVICE_NAMES[key]);
  return [...application, ...PROCESS_SERVICES].sort();
}

const PROCESS_SERVICES = [
  HealthService,
  BrokerService,
  ControllerService,
  StdioService,
  ReflectionV1Service,
  ReflectionV1AlphaService,
].map((definition) => Object.values<{ readonly path: string }>(definition)[0]?.path.split('/')[1] ?? '');

/** The parts of a build info that tell the most; what is no build info is left out. */
function describeBuild(text = ''): string {
  try {
    const { product, sha, version } = JSON.parse(text) as Partial<Record<string, string>>;
    return `${product ?? '?'} ${version ?? '?'}${sha ? `, commit ${sha.slice(0, 12)}` : ''}`;
  } catch {
    return 'no build info';
  }
}

function nameOf(code: status): string {
  return status[code];
}

const ignore = (): void => undefined;
const SILENT = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => SILENT,
};
