// Plugins that do not do as they should, beyond those of handshake.test.ts (cookie, banner, half line, every field,
// certificate missing or foreign, silence), set-up.test.ts (Init, service names, Configure), output.test.ts (lines of any
// length and any values), stop.test.ts (deaf to Shutdown, grandchildren), calls.test.ts (hanging calls, exits) and
// restart.test.ts (health). For each: the right error, in time, and nothing left.
import { setTimeout as sleep } from 'node:timers/promises';

import { announcing, type BadPlugin, longLines, told } from '../../support/bad-plugin.ts';
import { belongings, belongingsAsBefore } from '../../support/belongings.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { failure, load, type LoadOptions } from './host-fixture.ts';

const linux = process.platform === 'linux' ? test : test.skip;
const impatient = { startTimeoutMs: 500 };
const quick = { deinitTimeoutMs: 100, shutdownTimeoutMs: 100 };

type Row = readonly [name: string, plugin: BadPlugin, expected: { code: string; details?: object }, message: RegExp];

const NO_START: readonly Row[] = [
  [
    'a banner before a good handshake',
    ['banner.ts', {}],
    { code: 'ERR_HANDSHAKE_FIELDS', details: { handshakeField: 'line' } },
    /unrecognized remote plugin message: "Keystore plugin 1\.0, all systems go"$/,
  ],
  [
    'a first line of 1 MiB',
    told(`${longLines(1, 1)}; exec sleep 600`),
    { code: 'ERR_HANDSHAKE_FIELDS' },
    /the first line is longer than 65536 bytes$/,
  ],
  [
    'control characters, which are shown as text',
    told(`printf '\\033[2J\\001\\n'; exec sleep 600`),
    { code: 'ERR_HANDSHAKE_FIELDS' },
    /"\\u001b\[2J\\u0001"$/,
  ],
  [
    'twenty lines of 1 MiB on stderr first',
    told(`${longLines(20, 2)}; echo hello; exec sleep 600`),
    { code: 'ERR_HANDSHAKE_FIELDS', details: { lastStderr: Array<string>(20).fill(`${'x'.repeat(500)}…`) } },
    /"hello"$/,
  ],
  [
    'half a line, then stopped',
    told(`printf '1|1|unix|'; kill -STOP $$`, impatient),
    { code: 'ERR_START_TIMEOUT' },
    /500 ms$/,
  ],
  [
    'a child that is to serve in its place',
    told('sleep 600 & exit 0'),
    { code: 'ERR_PLUGIN_EXITED', details: { exitCode: 0 } },
    /exited with code 0 while the host waited for its handshake line$/,
  ],
  [
    'ten children',
    told(`for child in ${'1 '.repeat(10)}; do sleep 600 & done; echo hello; wait`),
    { code: 'ERR_HANDSHAKE_FIELDS' },
    /"hello"$/,
  ],
  [
    'its socket directory removed',
    told(`rm -r "$PLUGIN_UNIX_SOCKET_DIR"; echo hello; exec sleep 600`),
    { code: 'ERR_HANDSHAKE_FIELDS' },
    /"hello"$/,
  ],
  [
    'a device for a socket',
    announcing('unix', '/dev/null'),
    { code: 'ERR_CONNECT' },
    /connect ECONNREFUSED \/dev\/null$/,
  ],
  [
    'a path too long for a socket',
    announcing('unix', `/${'x'.repeat(300)}`),
    { code: 'ERR_CONNECT' },
    /connect EINVAL/,
  ],
  [
    'a port where nobody is',
    announcing('tcp', '127.0.0.1:1'),
    { code: 'ERR_CONNECT' },
    /connect ECONNREFUSED 127\.0\.0\.1:1$/,
  ],
  [
    'an answer to Init that is no message',
    ['init-garbage.ts', {}],
    { code: 'ERR_INIT', details: { step: 'init' } },
    /^plugin TEST: Init failed: INTERNAL: Response message parsing error/,
  ],
  [
    'no answer to Configure',
    ['configure-hangs.ts', { ...quick, configureTimeoutMs: 200 }],
    { code: 'ERR_CONFIGURE', details: { step: 'configure' } },
    /^plugin TEST: Configure failed: DEADLINE_EXCEEDED/,
  ],
  [
    'an exit inside Configure',
    ['exits-in-configure.ts', {}],
    { code: 'ERR_PLUGIN_EXITED', details: { exitCode: 8 } },
    /exited with code 8 while the host waited for its answer to Configure$/,
  ],
];

const SIGNALS = ['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'PIPE', 'ALRM'];
const MORE_SIGNALS = ['TERM', 'XCPU', 'XFSZ', 'VTALRM', 'PROF', 'IO', 'PWR', 'SYS'];

describe('bad plugins', () => {
  let before: Record<string, number>;

  beforeAll(async () => {
    // Whatever is loaded with the first plugin stays.
    await failure(...told('exit 1'));
    if (process.platform === 'linux') before = await belongings();
  });

  describe('that do not start', () => {
    test.each(NO_START)('R-HOST-63 R-HOST-07 %s', async (_name, [fixture, options], expected, message) => {
      const error = await failure(fixture, options);
      expect(error).toMatchObject({ name: 'PluginHostError', ...expected });
      expect(error.details.plugin).toBe('TEST');
      expect(error.message).toMatch(message);
    });

    test.each([0, 1, 2, 126, 127, 128, 255])('R-HOST-63 exit code %i', async (exitCode) => {
      const error = await failure(...told(`echo 'last words' >&2; exit ${exitCode}`));
      expect(error).toMatchObject({
        code: 'ERR_PLUGIN_EXITED',
        message: `plugin TEST exited with code ${exitCode} while the host waited for its handshake line`,
        details: { exitCode, lastStderr: ['last words'] },
      });
      expect(error.details).not.toHaveProperty('signal');
    });

    test.each([...SIGNALS, ...MORE_SIGNALS])('R-HOST-63 SIG%s', async (name) => {
      const error = await failure(...told(`kill -${name} $$; exec sleep 600`));
      expect(error).toMatchObject({
        code: 'ERR_PLUGIN_EXITED',
        message: `plugin TEST was ended by SIG${name} while the host waited for its handshake line`,
        details: { signal: `SIG${name}` },
      });
      expect(error.details).not.toHaveProperty('exitCode');
    });
  });

  describe('that serve', () => {
    /** A stage whose disposal fails when anything is left. */
    const serve = async (fixture: string, options: LoadOptions = {}): ReturnType<typeof load> => {
      const stage = await load(fixture, options);
      await stage.plugin.ready();
      return stage;
    };

    test('R-HOST-63 memory that grows until there is none: the signal, and what it said', async () => {
      const environment = { set: { NODE_OPTIONS: '--max-old-space-size=64' } };
      await using stage = await serve('grows.ts', { environment });
      const call = stage.plugin.client.test.hang({}, { timeoutMs: 600_000 });
      await expect(call).rejects.toMatchObject({
        code: 'ERR_PLUGIN_EXITED',
        message: 'plugin TEST was ended by SIGABRT',
        details: {
          signal: 'SIGABRT',
          lastStderr: expect.arrayContaining([expect.stringMatching(/out of memory/)]) as unknown,
        },
      });
    });

    test('R-HOST-63 a plugin that hangs up and lives on: calls fail as UNAVAILABLE, and it is ended with the host', async () => {
      await using stage = await serve('hangs-up.ts');
      const { test: client } = stage.plugin.client;
      const unavailable = { name: 'PluginCallError', status: 'UNAVAILABLE' };
      await expect(client.hang({}, { timeoutMs: 600_000 })).rejects.toMatchObject(unavailable);
      await expect(client.echo({})).rejects.toMatchObject(unavailable);
      await stage.close();
      expect(await stage.leftovers()).toEqual([]);
    });

    test('R-HOST-63 a plugin that is stopped: a call ends at its time, and the process is killed', async () => {
      await using stage = await serve('good.ts', { ...quick, drainTimeoutMs: 100 });
      process.kill(stage.plugin.info!.pid, 'SIGSTOP');
      await expect(stage.plugin.client.test.echo({}, { timeoutMs: 100 })).rejects.toMatchObject({
        status: 'DEADLINE_EXCEEDED',
      });
      await stage.close();
      expect(await stage.leftovers()).toEqual([]);
    });

    test('R-HOST-63 a plugin deaf to a call, Deinit and Shutdown is killed after the time for each', async () => {
      await using stage = await serve('deinit-hangs.ts', { ...quick, drainTimeoutMs: 100 });
      const call = stage.plugin.client.test.hang({}, { timeoutMs: 600_000 }).catch((error: unknown) => error);
      await sleep(0);
      await stage.close();
      expect(await call).toMatchObject({ code: 'ERR_CLOSED' });
      expect(stage.log).toContainEqual(expect.objectContaining({ message: 'plugin process ended', signal: 'SIGKILL' }));
    });

    test('R-HOST-63 litter around the socket goes with it, and nothing that it points at', async () => {
      await using outside = await temporaryFolder();
      await using stage = await serve('litters.ts', { args: [outside.path] });
      await stage.close();
      expect(await stage.leftovers()).toEqual([]);
    });
  });

  linux('R-HOST-62 leave this process as it was', async () => {
    await belongingsAsBefore(before);
  });
});
