import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { createOneTimeCertificate, certificatePemFromDer } from '../../plugin-protocol/certificate.ts';
import { buildPluginEnvironment, type EnvironmentVariables } from '../../plugin-protocol/environment.ts';
import { parseHandshakeLine } from '../../plugin-protocol/handshake.ts';
import type { HclogEntry } from '../../plugin-protocol/hclog.ts';
import { ControllerService, HealthService } from '../../plugin-protocol/services.ts';
import { ConfigService } from '../../proto/gen/service/common/config/v1/config.ts';
import { runPlugin, type CreateServices } from '../../src/run-plugin.ts';
import { preparePluginSocket, SOCKET_DIRECTORY_PREFIX } from '../../src/serve/socket.ts';
import { connectPlugin, type PluginConnection } from '../support/plugin-connection.ts';
import { openStreams } from '../support/plugin-streams.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { echoService, recordedLog } from './serve/served-plugin.ts';

const TYPE = 'KeystoreInstanceKeyOperation';
const { configure } = ConfigService;
const request = { yamlConfiguration: 'x' };

interface RunOptions {
  /** Laid over what plugin-sdk passes; undefined takes a variable away. */
  variables?: EnvironmentVariables;
  createServices?: CreateServices;
  writeStdout?: (text: string) => void;
}

/** A plugin process without the process: what it would do to it is recorded. */
class PluginRun {
  readonly host = createOneTimeCertificate();
  readonly events = new EventEmitter();
  readonly stdout: string[] = [];
  readonly exits: number[] = [];
  /** What was in the temporary directory when the process ended. */
  left: string[] = [];
  readonly entries: HclogEntry[];
  readonly exited: Promise<number>;
  readonly ended: Promise<void>;
  parent = 4711;
  readonly #connections: PluginConnection[] = [];
  readonly #announced = Promise.withResolvers<undefined>();

  constructor(temporaryDirectory: string, options: RunOptions = {}) {
    const { log, entries } = recordedLog();
    this.entries = entries;
    const exited = Promise.withResolvers<number>();
    this.exited = exited.promise;
    const variables: EnvironmentVariables = {
      TMPDIR: temporaryDirectory,
      ...buildPluginEnvironment({
        cookieKey: TYPE,
        cookieValue: TYPE,
        protocolVersions: [1],
        clientCertificatePem: this.host.certificatePem,
      }),
      ...options.variables,
    };
    const closeAtOnce: CreateServices = () => ({ registrations: [echoService()], close: () => Promise.resolve() });
    this.ended = runPlugin({
      type: TYPE,
      variables,
      log,
      createServices: options.createServices ?? closeAtOnce,
      effects: {
        parentId: () => this.parent,
        on: (event, listener) => this.events.on(event, listener),
        writeStdout: (text) => {
          options.writeStdout?.(text);
          this.stdout.push(text);
          this.#announced.resolve(undefined);
        },
        exit: (code) => {
          this.exits.push(code);
          this.left = existsSync(temporaryDirectory) ? readdirSync(temporaryDirectory) : [];
          this.events.emit('exit', code);
          exited.resolve(code);
        },
      },
    });
  }

  /** Resolves when the line has been printed. Rejects when the process ends without one. */
  async handshake() {
    const ended = this.exited.then((code) => {
      throw new Error(`ended with ${code}: ${JSON.stringify(this.entries)}`);
    });
    await Promise.race([this.#announced.promise, ended]);
    return parseHandshakeLine(this.stdout[0]!);
  }

  async connect(): Promise<PluginConnection> {
    const { address, certificateDer } = await this.handshake();
    const certificatePem = certificatePemFromDer(certificateDer!);
    const connection = connectPlugin({ socketPath: address, certificatePem }, this.host);
    this.#connections.push(connection);
    return connection;
  }

  messages(level: string): string[] {
    return this.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  }

  async stop(): Promise<void> {
    for (const { disconnect } of this.#connections) disconnect();
    this.events.emit('SIGTERM');
    await this.ended;
  }
}

/** A run in a temporary directory of its own, which must be empty in the end. */
async function withRun(options: RunOptions, use: (run: PluginRun, folder: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const run = new PluginRun(folder.path, options);
  try {
    await use(run, folder.path);
  } finally {
    await run.stop();
  }
  expect(readdirSync(folder.path)).toEqual([]);
  expect(run.exits).toHaveLength(1);
}

describe('start', () => {
  test('P3, P4, P9, P14: prints one line of six fields last, when the socket already answers', async () => {
    await withRun({}, async (run, folder) => {
      const line = await run.handshake();
      expect(run.stdout).toHaveLength(1);
      expect(run.stdout[0]!.split('|')).toHaveLength(6);
      expect(line).toMatchObject({ appVersion: 1, network: 'unix', protocol: 'grpc' });
      expect(line.address.startsWith(join(folder, SOCKET_DIRECTORY_PREFIX))).toBe(true);
      expect(statSync(line.address).mode & 0o777).toBe(0o600);
      const connection = await run.connect();
      expect(await connection.call(configure, request)).toEqual({ buildInfo: 'x' });
      expect(await connection.call(HealthService.check, { service: 'plugin' })).toEqual({ status: 1 });
    });
  });

  test.each(['true', 'false', '0'])('P5: answers PLUGIN_MULTIPLEX_GRPC=%s with a seventh field', async (wanted) => {
    await withRun({ variables: { PLUGIN_MULTIPLEX_GRPC: wanted } }, async (run) => {
      expect((await run.handshake()).multiplexing).toBe(false);
      expect(run.stdout[0]).toMatch(/\|false\n$/);
    });
  });

  test.each(['1', '3,1,2', '9', '', 'x,1'])('P7: answers version 1 to "%s"', async (announced) => {
    await withRun({ variables: { PLUGIN_PROTOCOL_VERSIONS: announced } }, async (run) => {
      expect((await run.handshake()).appVersion).toBe(1);
    });
  });

  test('P14, P15: uses the directory and group of the host', async () => {
    await using folder = await temporaryFolder();
    const directory = join(folder.path, 'plugin-dir1');
    mkdirSync(directory);
    const group = String(process.getgid!());
    const variables = { PLUGIN_UNIX_SOCKET_DIR: directory, PLUGIN_UNIX_SOCKET_GROUP: group };
    await withRun({ variables }, async (run) => {
      const { address } = await run.handshake();
      expect(address.startsWith(`${directory}/plugin`)).toBe(true);
      expect(statSync(address).mode & 0o777).toBe(0o660);
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('tells once that it serves, and never the certificates', async () => {
    await withRun({}, async (run) => {
      await run.handshake();
      expect(run.messages('info')).toEqual(['plugin serves']);
      expect(JSON.stringify(run.entries)).not.toMatch(/CERTIFICATE|PRIVATE/);
    });
  });

  test('removes what a killed plugin left', async () => {
    await using folder = await temporaryFolder();
    const left = preparePluginSocket({ temporaryDirectory: folder.path }).path;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${left}0`, resolve));
    renameSync(`${left}0`, left);
    await new Promise((resolve) => server.close(resolve));
    const run = new PluginRun(folder.path);
    await run.handshake();
    // The socket goes first, its directory after it.
    while (existsSync(dirname(left))) await new Promise((resolve) => setTimeout(resolve, 20));
    await run.stop();
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('a start that fails says why, prints no line, leaves nothing and exits with 1', () => {
  const foreign = '-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n';
  test.each<[string, EnvironmentVariables, RegExp]>([
    [
      'P8, P22: without a client certificate',
      { PLUGIN_CLIENT_CERT: undefined },
      /PLUGIN_CLIENT_CERT is not set.*AutoMTLS/,
    ],
    ['P8: with an empty client certificate', { PLUGIN_CLIENT_CERT: '' }, /PLUGIN_CLIENT_CERT is not set/],
    ['with a client certificate that is none', { PLUGIN_CLIENT_CERT: foreign }, /PLUGIN_CLIENT_CERT.*no certificate/],
    [
      'P16: with a path too long for a socket',
      { PLUGIN_UNIX_SOCKET_DIR: `/tmp/${'d'.repeat(100)}` },
      /107 bytes|103 bytes/,
    ],
    ['with a path the line cannot carry', { PLUGIN_UNIX_SOCKET_DIR: '/tmp/a|b' }, /cannot carry/],
    ['with a group that does not exist', { PLUGIN_UNIX_SOCKET_GROUP: 'no-such-group' }, /no-such-group/],
    ['with ports the wrong way round', { PLUGIN_MIN_PORT: '2', PLUGIN_MAX_PORT: '1' }, /PLUGIN_MIN_PORT/],
    ['with a directory that does not exist', { TMPDIR: '/nonexistent/tmp' }, /ENOENT/],
    ['with a socket directory that does not exist', { PLUGIN_UNIX_SOCKET_DIR: '/nonexistent' }, /ENOENT|address/],
  ])('%s', async (_name, variables, text) => {
    const complaint = jest.spyOn(console, 'error').mockReturnValue(); // grpc-js prints a failed bind
    await withRun({ variables }, async (run) => {
      expect(await run.exited).toBe(1);
      expect(run.stdout).toEqual([]);
      expect(run.messages('error')).toEqual(['plugin init error']);
      expect(run.entries.at(-1)!.fields.err).toMatch(text);
      expect(JSON.stringify(run.entries)).not.toContain('Y2FuYXJ5');
    });
    complaint.mockRestore();
  });

  test('when the services cannot be made', async () => {
    const createServices: CreateServices = () => {
      throw new Error('no services');
    };
    await withRun({ createServices }, async (run) => {
      expect(await run.exited).toBe(1);
      expect(run.stdout).toEqual([]);
    });
  });

  test('when nobody reads the line any more', async () => {
    const close = jest.fn(() => Promise.resolve());
    const createServices: CreateServices = () => ({ registrations: [echoService()], close });
    const writeStdout = () => {
      throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    };
    await withRun({ createServices, writeStdout }, async (run) => {
      expect(await run.exited).toBe(1);
      expect(close).toHaveBeenCalledTimes(1);
    });
  });
});

describe('stop', () => {
  test('P31: Shutdown is answered, then everything is closed and the exit code is 0', async () => {
    await withRun({}, async (run) => {
      const connection = await run.connect();
      expect(await connection.call(ControllerService.shutdown, {})).toEqual({});
      expect(await run.exited).toBe(0);
      expect(run.messages('info')).toEqual(['plugin serves', 'plugin stops']);
      expect(run.entries.at(-1)!.fields).toEqual({ reason: 'Shutdown call' });
      expect(run.left).toEqual([]);
    });
  });

  test.each(['SIGTERM', 'SIGHUP'])('P34: %s ends it orderly', async (signal) => {
    await withRun({}, async (run) => {
      const streams = openStreams(await run.connect());
      run.events.emit(signal);
      expect(await run.exited).toBe(0);
      await streams.ended;
      expect(run.messages('error')).toEqual([]);
    });
  });

  test('P34: SIGINT is ignored', async () => {
    await withRun({}, async (run) => {
      const connection = await run.connect();
      run.events.emit('SIGINT');
      expect(await connection.call(configure, request)).toEqual({ buildInfo: 'x' });
      expect(run.messages('debug')).toContain('interrupt ignored');
      expect(run.exits).toEqual([]);
    });
  });

  test('P35: ends when the host is gone', async () => {
    await withRun({}, async (run) => {
      await run.handshake();
      run.parent = 1;
      expect(await run.exited).toBe(0);
      expect(run.entries.at(-1)!.fields).toEqual({ reason: 'the host is gone' });
    });
  });

  test('the first reason is the one that counts', async () => {
    await withRun({}, async (run) => {
      const connection = await run.connect();
      const answered = connection.call(ControllerService.shutdown, {});
      await answered;
      run.events.emit('SIGTERM');
      run.parent = 1;
      expect(await run.exited).toBe(0);
      expect(run.messages('info')).toEqual(['plugin serves', 'plugin stops']);
    });
  });

  test('a signal during the start ends it before the line', async () => {
    await using folder = await temporaryFolder();
    const run: PluginRun = new PluginRun(folder.path, {
      createServices: () => {
        queueMicrotask(() => run.events.emit('SIGTERM'));
        return { registrations: [echoService()], close: () => Promise.resolve() };
      },
    });
    await run.ended;
    expect([run.exits, run.stdout, run.messages('error')]).toEqual([[0], [], []]);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('a running call may finish', async () => {
    const entered = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const createServices: CreateServices = () => ({
      registrations: [
        echoService(() => {
          entered.resolve(undefined);
          return release.promise;
        }),
      ],
      close: () => Promise.resolve(),
    });
    await withRun({ createServices }, async (run) => {
      const connection = await run.connect();
      const streams = openStreams(connection);
      const running = connection.call(configure, request);
      await entered.promise;
      run.events.emit('SIGTERM');
      await streams.ended;
      release.resolve(undefined);
      expect(await running).toEqual({ buildInfo: 'x' });
      expect(await run.exited).toBe(0);
    });
  });

  test('P32: a call that goes on is told to end, before the services are closed', async () => {
    const order: string[] = [];
    const entered = Promise.withResolvers<undefined>();
    const createServices: CreateServices = ({ stopSignal }) => ({
      registrations: [
        echoService(async () => {
          entered.resolve(undefined);
          await new Promise((resolve) => stopSignal.addEventListener('abort', resolve));
          order.push(`call ended: ${(stopSignal.reason as Error).message}`);
          throw Object.assign(new Error('stop'), { code: status.UNAVAILABLE, details: 'the plugin stops' });
        }),
      ],
      close: () => {
        order.push('services closed');
        return Promise.resolve();
      },
    });
    await withRun({ createServices }, async (run) => {
      const connection = await run.connect();
      const streams = openStreams(connection);
      const refusal = connection.refusal(configure, request);
      await entered.promise;
      await connection.call(ControllerService.shutdown, {});
      expect(await refusal).toMatchObject({ code: status.UNAVAILABLE, message: 'the plugin stops' });
      await streams.ended;
      expect(await run.exited).toBe(0);
      expect(order).toEqual(['call ended: Shutdown call', 'services closed']);
    });
  });

  test('P32: a call and services that never end are left behind', async () => {
    const entered = Promise.withResolvers<undefined>();
    const never = new Promise<never>(() => undefined);
    const createServices: CreateServices = () => ({
      registrations: [
        echoService(() => {
          entered.resolve(undefined);
          return never;
        }),
      ],
      close: () => never,
    });
    await withRun({ createServices }, async (run) => {
      const connection = await run.connect();
      const refusal = connection.refusal(configure, request);
      await entered.promise;
      await connection.call(ControllerService.shutdown, {});
      expect(await run.exited).toBe(0);
      expect([status.UNAVAILABLE, status.CANCELLED]).toContain((await refusal).code);
      expect(run.messages('warn')).toEqual(['the services did not close in time']);
    });
  });

  test('services that fail to close are reported, and the rest is closed', async () => {
    const createServices: CreateServices = () => ({
      registrations: [echoService()],
      close: () => Promise.reject(new Error('cannot close')),
    });
    await withRun({ createServices }, async (run) => {
      await run.handshake();
      run.events.emit('SIGTERM');
      expect(await run.exited).toBe(0);
      expect(run.messages('warn')).toEqual(['not everything could be closed']);
    });
  });

  test('without a call to wait for, the stop signal of the services is aborted all the same', async () => {
    let stopSignal: AbortSignal | undefined;
    const createServices: CreateServices = (given) => {
      stopSignal = given.stopSignal;
      return { registrations: [echoService()], close: () => Promise.resolve() };
    };
    await withRun({ createServices }, async (run) => {
      await run.handshake();
      expect(stopSignal!.aborted).toBe(false);
      run.events.emit('SIGTERM');
      await run.exited;
      expect(stopSignal!.aborted).toBe(true);
    });
  });
});

describe('P40: what breaks the process', () => {
  test.each(['uncaughtException', 'unhandledRejection'])('%s: one error line, exit code 1', async (event) => {
    await withRun({}, async (run) => {
      const { address } = await run.handshake();
      const error = Object.assign(new TypeError('canary'), { response: { token: 'canary' } });
      run.events.emit(event, error);
      // Synchronously: nothing can be relied on any more.
      expect(run.exits).toEqual([1]);
      expect(existsSync(address)).toBe(false);
      expect(run.messages('error')).toEqual(['plugin failed']);
      expect(run.entries.find(({ level }) => level === 'error')!.fields).toMatchObject({
        event,
        error_name: 'TypeError',
        error_stack: expect.stringMatching(/^ {4}at .*run-plugin\.test/) as string,
      });
      expect(JSON.stringify(run.entries)).not.toContain('canary');
    });
  });

  test('what is no error is not printed', async () => {
    await withRun({}, async (run) => {
      await run.handshake();
      run.events.emit('unhandledRejection', 'canary');
      expect(run.exits).toEqual([1]);
      expect(JSON.stringify(run.entries)).not.toContain('canary');
    });
  });
});

test('P37: warnings of the runtime become log lines', async () => {
  await withRun({}, async (run) => {
    await run.handshake();
    run.events.emit('warning', new Error('too many listeners'));
    expect(run.entries.at(-1)).toMatchObject({ level: 'warn', fields: { warning: 'too many listeners' } });
  });
});
