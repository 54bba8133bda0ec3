import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { SERVICE_NAMES } from '../../keystore-contract/plugin-types.ts';
import { createKey } from '../../scripts/openbao/setup.ts';
import { builtPlugin, sha256 } from '../support/built-plugin.ts';
import { startCustomer, type Customer } from '../support/customer.ts';
import type { CallAnswer, HostLogEntry } from '../support/go-answers.ts';
import { startPlainHost, type PlainHost, type StartOptions } from '../support/go-host.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../support/go.ts';
import { processGone } from '../support/process-gone.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startTool } from '../support/tool.ts';

const TYPE = 'KeystoreInstanceKeyOperation';
const KEY = 'l1';
const BUILD_MS = 600_000;
const MIB = 1024 * 1024;
const NOWHERE = 'http://127.0.0.1:1';

describeWithGo('a go-plugin host runs the executable', () => {
  let programs: GoPrograms;
  let customer: Customer;
  let sockets: Awaited<ReturnType<typeof temporaryFolder>>;
  let host: PlainHost;

  beforeAll(async () => {
    programs = buildGoPrograms();
    customer = await startCustomer();
    await createKey(customer.bao, { key: KEY });
  }, BUILD_MS);

  afterAll(async () => {
    await customer[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    sockets = await temporaryFolder();
    host = startPlainHost(programs, { TMPDIR: sockets.path });
  });

  afterEach(async () => {
    await host[Symbol.asyncDispose]();
    expect(await readdir(sockets.path)).toEqual([]);
    await sockets[Symbol.asyncDispose]();
  });

  const options = (changes: Partial<StartOptions> = {}): StartOptions => ({
    path: builtPlugin(),
    type: TYPE,
    ...changes,
  });
  const start = async (changes?: Partial<StartOptions>): Promise<void> => {
    expect(await host.start(options(changes))).toMatchObject({ error: '' });
  };
  const configure = async (changes?: Record<string, unknown>): Promise<void> => {
    const request = { yamlConfiguration: customer.yaml('approle', changes) };
    expect(await host.call({ method: `${SERVICE_NAMES.config}/Configure`, request })).toMatchObject({ code: 'OK' });
  };
  const encryptCall = (plaintext: Buffer) => ({
    method: `${SERVICE_NAMES.cryptoOperation}/Encrypt`,
    request: { parameters: { keyId: KEY }, plaintext: plaintext.toString('base64') },
  });
  const encrypt = (plaintext: Buffer): Promise<CallAnswer<{ ciphertext: string }>> => host.call(encryptCall(plaintext));
  const checkHealth = (): Promise<CallAnswer> =>
    host.call({ method: 'grpc.health.v1.Health/Check', request: { service: 'plugin' } });
  const loggedMessages = async (): Promise<string[]> => (await host.log()).map(({ message }) => message);

  test('P6 a host that wants multiplexing is told that it is not supported', async () => {
    const { error } = await host.start(options({ multiplex: true }));
    expect(error).toContain('does not support the feature');
    await clear(sockets.path); // go-plugin kills a plugin whose handshake it refuses
  });

  test('P10 R-PROC-06 certificates of every length modulo 3 survive the handshake line', async () => {
    const lengths = new Set<number>();
    for (let round = 0; round < 30 || lengths.size < 3; round += 1) {
      await start();
      const { code, certificateBytes } = await checkHealth();
      expect(code).toBe('OK');
      lengths.add(certificateBytes % 3);
      await host.kill();
    }
  }, 120_000);

  test('P20 P21 R-PROC-20 R-PROC-21 loads with AutoMTLS, which demands h2 by ALPN, and serves the application', async () => {
    await start();
    expect(await checkHealth()).toMatchObject({ code: 'OK', response: { status: 'SERVING' } });
    const init = { method: `${SERVICE_NAMES.bootstrap}/Init`, request: { hostServiceNames: [] } };
    expect(await host.call(init)).toMatchObject({
      code: 'OK',
      response: { pluginServiceNames: [SERVICE_NAMES.keyOperation, SERVICE_NAMES.config] },
    });
    expect(await encrypt(Buffer.from('early'))).toMatchObject({
      code: 'FailedPrecondition',
      message: 'the plugin is not configured',
    });
    await configure();
    expect(await encrypt(Buffer.from('secret'))).toMatchObject({ code: 'OK' });
  });

  test('P22 R-PROC-05 without AutoMTLS it refuses to start and says why', async () => {
    const { error } = await host.start(options({ plainText: true }));
    expect(error).toContain("Failed to read any lines from plugin's stdout");
    const reason = (await host.log()).find(({ message }) => message === 'plugin init error');
    expect(reason).toMatchObject({
      level: 'error',
      fields: { err: expect.stringMatching(/PLUGIN_CLIENT_CERT is not set.*mutual TLS.*AutoMTLS/) as string },
    });
  });

  test('P25 R-PROC-29 the stdio stream stays open and silent', async () => {
    await start();
    await configure();
    await encrypt(Buffer.from('secret'));
    const before = await host.log();
    expect(streamTrouble(before)).toEqual([]);
    expect(before.filter(({ message }) => message.includes('EOF'))).toEqual([]);
    await host.kill();
    expect(streamTrouble(await host.log())).toEqual([]);
  });

  test('P26 R-PROC-30 the broker’s stream takes announcements from the first moment to the last', async () => {
    await start(); // announces id 1 as plugin-sdk does
    expect(await host.announce(2)).toEqual({ error: '' });
    await configure();
    for (let round = 0; round < 50; round += 1) await encrypt(Buffer.from('secret'));
    expect(await host.announce(3)).toEqual({ error: '' });
  });

  test('P31 R-PROC-50 Kill ends an idle plugin with exit code 0 and nothing left', async () => {
    const { pid, address } = await host.start(options());
    expect(await readdir(sockets.path)).not.toEqual([]);
    expect(address.startsWith(sockets.path)).toBe(true);
    await host.kill();
    expectOrderlyExit(await host.log());
    await processGone(pid);
    expect(await readdir(sockets.path)).toEqual([]);
  });

  test('P32 R-PROC-50 Kill ends a plugin with a call under way, which gets an answer', async () => {
    await start();
    await configure();
    expect(await encrypt(Buffer.from('warm'))).toMatchObject({ code: 'OK' });
    customer.bao.pause();
    try {
      const call = encrypt(Buffer.from('late'));
      await checkHealth();
      await host.kill();
      expect(['Unavailable', 'Canceled', 'DeadlineExceeded']).toContain((await call).code);
    } finally {
      customer.bao.resume();
    }
    expectOrderlyExit(await host.log());
  });

  test('P35 R-PROC-52 after the host’s SIGKILL neither process nor socket is left', async () => {
    const { pid, address } = await host.start(options());
    const directory = basename(dirname(address));
    expect(await readdir(sockets.path)).toContain(directory);
    await host.sigkill();
    await processGone(pid);
    expect(await readdir(sockets.path)).not.toContain(directory);
    await clear(sockets.path); // the host’s own listener for the broker
    host = startPlainHost(programs, { TMPDIR: sockets.path });
  });

  test('P38 R-PROC-40 the host shows each of the five levels', async () => {
    const fixture = join(process.cwd(), 'test', 'fixtures', 'plugins', 'five-levels.ts');
    await host.start(options({ path: process.execPath, args: [fixture] }));
    const shown = (await host.log()).filter(({ message }) => message.startsWith('a line at '));
    expect(shown.map(({ level, message, fields }) => ({ level, message, number: fields.number }))).toEqual(
      ['trace', 'debug', 'info', 'warn', 'error'].map((level, number) => ({
        level,
        message: `a line at ${level}`,
        number,
      })),
    );
  });

  test('P38 R-PROC-40 the lines of the executable arrive with a level of their own', async () => {
    await start();
    await configure();
    await encrypt(Buffer.from('secret'));
    await host.call({ ...encryptCall(Buffer.from('x')), request: { parameters: { keyId: 'no such key' } } });
    await host.kill();
    const modules = (await host.log()).map(({ fields }) => fields['@module']);
    expect(modules).toContain('keystoreop-openbao');
    // A line that go-plugin cannot read becomes a debug entry of its own module.
    expect(modules).not.toContain('host.keystoreop-openbao');
  });

  test('P42 R-PROC-11 works with an empty environment', async () => {
    await start({ skipHostEnv: true });
    await configure();
    expect(await encrypt(Buffer.from('secret'))).toMatchObject({ code: 'OK' });
    const { response } = await encrypt(Buffer.from('secret'));
    expect(Buffer.from(response!.ciphertext, 'base64').toString()).toMatch(/^vault:v1:/);
  });

  test('P43 R-SEC-07 proxy variables that point nowhere change nothing', async () => {
    const names = ['http_proxy', 'https_proxy', 'grpc_proxy', 'all_proxy'];
    const proxies = names.flatMap((name) => [`${name}=${NOWHERE}`, `${name.toUpperCase()}=${NOWHERE}`]);
    await start({ env: [...proxies, 'NODE_USE_ENV_PROXY=1'] });
    await configure();
    expect(await encrypt(Buffer.from('secret'))).toMatchObject({ code: 'OK' });
  });

  test('P45 R-PROC-32 a request and a response above 4 MiB', async () => {
    await start();
    await configure({ limits: { maxPlaintextBytes: 8 * MIB, maxAnswerBytes: 32 * MIB, readBudgetMs: 10_000 } });
    const hugeKeyId = {
      method: `${SERVICE_NAMES.keyOperation}/GetKey`,
      request: { parameters: { keyId: 'k'.repeat(8 * MIB) } },
    };
    expect(await host.call(hugeKeyId)).toMatchObject({ code: 'InvalidArgument' });
    const { code, response } = await encrypt(Buffer.alloc(6 * MIB, 7));
    expect(code).toBe('OK');
    expect(Buffer.from(response!.ciphertext, 'base64').length).toBeGreaterThan(8 * MIB);
  });

  test('P50 R-PROC-13 the SHA-256 of the one file satisfies SecureConfig, another does not', async () => {
    await start({ checksum: sha256(builtPlugin()) });
    expect(await checkHealth()).toMatchObject({ code: 'OK' });
    await host.kill();
    const { error } = await host.start(options({ checksum: '0'.repeat(64) }));
    expect(error).toContain('checksums did not match');
    expect((await loggedMessages()).filter((message) => message === 'starting plugin')).toHaveLength(1);
  });

  test('R-CMD-24 go-plugin attaches to serve --no-tls with what that prints', async () => {
    await using tool = await startTool(['serve', '--no-tls']);
    await tool.wrote('stdout', /\n/);
    const reattach = JSON.parse(tool.output.stdout) as object;
    expect(await host.start(options({ path: '', plainText: true, reattach }))).toMatchObject({
      error: '',
      pid: tool.pid,
    });
    await configure();
    expect(await encrypt(Buffer.from('secret'))).toMatchObject({ code: 'OK' });
    await host.kill();
    // go-plugin leaves a process alone that it has attached to for a test.
    tool.child.kill('SIGINT');
    expect(await tool.ended).toMatchObject({ code: 0, signal: null });
  });
});

function streamTrouble(log: readonly HostLogEntry[]): readonly HostLogEntry[] {
  return log.filter(
    ({ level, message, fields }) =>
      level === 'error' || level === 'warn' || JSON.stringify({ message, fields }).includes('Unimplemented'),
  );
}

function expectOrderlyExit(log: readonly HostLogEntry[]): void {
  const messages = log.map(({ message }) => message);
  expect(messages).not.toContain('plugin failed to exit gracefully'); // go-plugin waits 2 s and kills
  const exit = log.find(({ message }) => message === 'plugin process exited');
  expect(exit).toMatchObject({ level: 'info' }); // any exit code but 0 is an error
}

async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
}
