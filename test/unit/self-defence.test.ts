import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { Console } from 'node:console';
import { defendProcess } from '../../src/self-defence.ts';

/** What the start of a process has before it is defended; `printed` is what reaches the descriptors. */
function undefended(env: Record<string, string> = {}, args: readonly string[] = []) {
  let printed = '';
  const stream = () => new PassThrough().on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const masks: number[] = [];
  const dropped: string[] = [];
  const target = Object.assign(new EventEmitter(), {
    env,
    argv: ['/plugin', '/plugin', ...args],
    stdout: stream(),
    stderr: stream(),
    report: { reportOnFatalError: true, reportOnSignal: true, reportOnUncaughtException: true },
    permission: { has: (scope: string) => scope === 'child', drop: (scope: string) => dropped.push(scope) },
    umask: (mask: number) => masks.push(mask),
  });
  const early = new Console(target.stdout, target.stderr);
  target.on('warning', () => (printed += 'Warning'));
  return { target, early, masks, dropped, printed: () => printed };
}

const defend = ({ target, early }: ReturnType<typeof undefended>) =>
  defendProcess(target as unknown as NodeJS.Process, early);

const SECRETS = {
  DATABASE_PASSWORD: 'canary',
  http_proxy: 'http://proxy',
  https_proxy: 'http://proxy',
  GRPC_VERBOSITY: 'DEBUG',
  GRPC_TRACE: 'all',
  GRPC_SSL_CIPHER_SUITES: 'NULL',
  NODE_OPTIONS: '--require x',
  DEBUG: '*',
  PATH: '/bin',
  HOME: '/root',
  VAULT_TOKEN: 'canary',
};

describe('the environment', () => {
  test('is emptied; cookies, what go-plugin sets and TMPDIR are handed over', () => {
    const needed = {
      KeystoreProvider: 'KeystoreProvider',
      PLUGIN_CLIENT_CERT: 'pem',
      PLUGIN_PROTOCOL_VERSIONS: '1',
      TMPDIR: '/var/tmp',
    };
    const process = undefended({ ...SECRETS, ...needed, PLUGIN_UNIX_SOCKET_DIR: '' });
    const { variables } = defend(process);
    expect(variables).toEqual(needed);
    expect(process.target.env).toEqual({});
  });

  test('an empty TMPDIR counts as none', () => {
    expect(defend(undefended({ TMPDIR: '' })).variables).toEqual({});
  });
});

describe('P41: printing', () => {
  const METHODS = ['log', 'info', 'debug', 'warn', 'error', 'trace', 'dir', 'table', 'group', 'dirxml'] as const;

  test('through any console method, early or late, or the streams, reaches no descriptor', () => {
    const process = undefended();
    const { onConsole } = defend(process);
    const { early, target, printed } = process;
    const late = new Console(target.stdout, target.stderr);
    for (const round of [1, 2]) {
      for (const method of METHODS) {
        early[method](`early ${round}`);
        late[method](`late ${round}`);
      }
      early.assert(false, 'assertion');
      early.count();
      target.stdout.write('direct');
      target.stderr.write('direct');
      target.emit('warning', new Error('w'));
      onConsole(() => undefined);
    }
    expect(printed()).toBe('');
  });

  test('is heard as text once somebody listens, without the objects', () => {
    const process = undefended();
    const { onConsole } = defend(process);
    process.early.log('before anybody listens');
    const heard: string[] = [];
    onConsole((text) => heard.push(text));
    process.early.error('E failed', 7, { token: 'canary' }, ['canary'], () => 'canary', null, undefined, 1n);
    process.early.log();
    process.early.table(['canary']);
    expect(heard).toEqual(['E failed 7 null undefined 1', '']);
  });
});

test('inspection: SIGUSR1 has a handler, no reports are written', () => {
  const process = undefended();
  defend(process);
  expect(process.target.emit('SIGUSR1')).toBe(true);
  expect(process.target.report).toEqual({
    reportOnFatalError: false,
    reportOnSignal: false,
    reportOnUncaughtException: false,
  });
});

test('files are made for the owner only', () => {
  const process = undefended();
  defend(process);
  expect(process.masks).toEqual([0o077]);
});

describe('the right to start programs', () => {
  test('is given up where it was granted', () => {
    const process = undefended();
    defend(process);
    expect(process.dropped).toEqual(['child']);
  });

  const refuse = (): never => {
    throw new Error('dropped');
  };
  test.each([
    ['not granted', { has: () => false, drop: refuse }],
    ['not a matter of permission', undefined],
  ])('is left alone where it is %s', (_name, permission) => {
    const process = undefended();
    Object.assign(process.target, { permission });
    expect(() => defend(process)).not.toThrow();
  });
});

describe('the right to start processes', () => {
  const cookie = { KeystoreProvider: 'KeystoreProvider' };

  test.each([
    ['a plugin', cookie, []],
    ['a plugin that is given the arguments of the self-test', cookie, ['handshake']],
    ['a host’s unknown cookie with the arguments of the self-test', { Other: 'Other' }, ['handshake']],
    ['every other command', {}, ['version']],
    ['a bare start', {}, []],
  ])('is given up by %s', (_, variables, args) => {
    const process = undefended({ ...variables }, args);
    defend(process);
    expect(process.dropped).toEqual(['child']);
  });

  test('is kept by the self-test, which is a host', () => {
    const process = undefended({ KeystoreProvider: '', TMPDIR: '/var/tmp' }, ['handshake']);
    defend(process);
    expect(process.dropped).toEqual([]);
  });
});
