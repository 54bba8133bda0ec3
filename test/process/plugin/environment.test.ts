import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

import { status } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { HealthService } from '../../../plugin-protocol/services.ts';
import { GetKeyRequest } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { startCountingServer, type CountingServer } from '../../support/counting-server.ts';
import { listeningPorts } from '../../support/listening-ports.ts';
import { createAuthority } from '../../support/pki.ts';
import { bundle, startPlugin, type Program } from '../../support/plugin-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { config, keyOperation } = SERVICE_DEFINITIONS;
const NOWHERE = 'http://127.0.0.1:1';
const BUDGET_MS = 300;
const getKey = GetKeyRequest.create({ parameters: { keyId: 'l1' } });

const programs = (): [string, Program][] => [
  ['executable', [builtPlugin()]],
  ['bundle', bundle()],
];

let server: CountingServer;

beforeAll(async () => {
  server = await startCountingServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** Whether a plugin reaches its server straight, with nothing but log lines on stderr (which its stop looks into). */
async function expectUndisturbed(variables: Record<string, string>, program?: Program): Promise<void> {
  await using plugin = await startPlugin({ variables, ...(program && { program }) });
  await plugin.call(config.configure, { yamlConfiguration: server.yaml(BUDGET_MS) });
  const { requests } = server.seen;
  expect(await plugin.refusal(keyOperation.getKey, getKey)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(server.seen.requests).toBe(requests + 1);
}

describe.each(programs())('the %s', (_, program) => {
  test('P42 R-PROC-11 runs without PATH, HOME and any other variable but cookie and go-plugin’s', async () => {
    await expectUndisturbed({}, program);
  });

  test.each([
    [
      'P43 proxies that point nowhere',
      {
        ...Object.fromEntries(['http_proxy', 'https_proxy', 'grpc_proxy', 'all_proxy'].map((name) => [name, NOWHERE])),
        ...Object.fromEntries(['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].map((name) => [name, NOWHERE])),
        NODE_USE_ENV_PROXY: '1',
      },
    ],
    [
      'the switches of grpc-js',
      {
        GRPC_VERBOSITY: 'DEBUG',
        GRPC_TRACE: 'all',
        GRPC_NODE_VERBOSITY: 'DEBUG',
        GRPC_NODE_TRACE: 'all',
        GRPC_SSL_CIPHER_SUITES: 'NONE',
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: '/missing.pem',
      },
    ],
    [
      'the switches of Node that make it talk or write',
      {
        NODE_DEBUG: 'http,https,http2,tls,net,stream,timer,undici',
        NODE_PENDING_DEPRECATION: '1',
        NODE_REDIRECT_WARNINGS: 'warnings.txt',
        SSLKEYLOGFILE: 'keys.txt',
        FORCE_COLOR: '3',
      },
    ],
  ])('is not disturbed by %s', async (_name, variables) => {
    await expectUndisturbed(variables, program);
  });
});

test.each([
  ['--require of a missing file', '--require /missing.cjs'],
  ['an inspector', '--inspect=127.0.0.1:0'],
  ['reports', '--report-on-signal --report-uncaught-exception --report-on-fatalerror'],
  ['fewer checks', '--allow-child-process --allow-worker --tls-min-v1.0'],
])('R-PROC-11 the executable ignores NODE_OPTIONS: %s', async (_, options) => {
  await expectUndisturbed({ NODE_OPTIONS: options });
});

test.each(['other authorities', 'no authorities'])(
  'R-SEC-04 NODE_EXTRA_CA_CERTS and NODE_TLS_REJECT_UNAUTHORIZED add no trust where %s are configured',
  async (which) => {
    await using folder = await temporaryFolder();
    const authority = join(folder.path, 'ca.pem');
    await writeFile(authority, server.caPem);
    const configured = which === 'no authorities' ? null : (await createAuthority()).certificatePem;
    await using plugin = await startPlugin({
      variables: { NODE_EXTRA_CA_CERTS: authority, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    });
    await plugin.call(config.configure, { yamlConfiguration: server.yaml(BUDGET_MS, configured) });
    const { requests } = server.seen;
    expect(await plugin.refusal(keyOperation.getKey, getKey)).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'TLS_FAILURE',
    });
    expect(server.seen.requests).toBe(requests);
  },
);

test('R-SEC-07 nothing of the inherited environment is left for dependencies', async () => {
  const program = bundle('--require', join(process.cwd(), 'test/process/plugin/preloads/show-environment.cjs'));
  await using plugin = await startPlugin({ program, variables: { DATABASE_PASSWORD: 'CANARY', PATH: '/bin' } });
  const entry = await plugin.logged(({ fields }) => String(fields.warning).startsWith('variables: '));
  expect(entry.fields.warning).toBe('variables: none');
  await plugin.stop();
  expect(plugin.output.stderr).not.toContain('CANARY');
});

describe('the flags built into the executable and the first statement of its launcher', () => {
  const DENIED = {
    spawn: 'ERR_ACCESS_DENIED',
    worker: 'ERR_ACCESS_DENIED',
    addon: 'ERR_DLOPEN_DISABLED',
    inspector: 'ERR_ACCESS_DENIED',
    proto: false,
  };

  /** What may be done where the bundle is loaded, with the probe in place of the rest of the launcher. */
  async function probe(...args: readonly string[]): Promise<unknown> {
    await using folder = await temporaryFolder();
    const launcher = await readFile('scripts/build/launcher.cjs');
    const code = await readFile('test/process/plugin/preloads/probe-permissions.cjs');
    const bytes = await readFile(builtPlugin());
    const at = bytes.indexOf(launcher);
    expect(at).toBeGreaterThan(0);
    const rest = at + launcher.indexOf('const { writeSync }');
    expect(rest).toBeGreaterThan(at);
    expect(rest + code.length).toBeLessThanOrEqual(at + launcher.length);
    bytes.fill(' ', rest, at + launcher.length);
    code.copy(bytes, rest);
    const file = join(folder.path, 'probe');
    await writeFile(file, bytes);
    await chmod(file, 0o700);
    const variables = { NODE_OPTIONS: '--allow-child-process --allow-worker --allow-addons' };
    const { stdout } = await promisify(execFile)(file, args, { env: variables });
    return JSON.parse(stdout);
  }

  test('deny child processes, workers, addons and the inspector', async () => {
    expect(await probe()).toEqual(DENIED);
  });

  test.each(['serve', 'doctor', '--handshake', 'version handshake'])('to every command: %s', async (line) => {
    expect(await probe(...line.split(' '))).toEqual(DENIED);
  });

  test('leave child processes, and nothing else, to the self-test', async () => {
    expect(await probe('handshake')).toEqual({ ...DENIED, spawn: 'allowed' });
  });
});

describe('SIGUSR1', () => {
  test('opens the inspector of a plain Node', async () => {
    const node = spawn(process.execPath, ['--inspect-port=0', '-e', 'console.log(1); setInterval(() => {}, 1e6)']);
    try {
      await once(node.stdout, 'data');
      node.kill('SIGUSR1');
      await once(node.stderr, 'data');
      expect(await listeningPorts(node.pid!)).toHaveLength(1);
    } finally {
      node.kill('SIGKILL');
      await once(node, 'close');
    }
  });

  test.each(programs())('R-SEC-08 opens none of the %s, which lives on', async (_, program) => {
    await using plugin = await startPlugin({ program });
    for (let round = 0; round < 5; round += 1) {
      plugin.kill('SIGUSR1');
      // A plain Node takes a few milliseconds; that nothing happens can only be waited for.
      await setTimeout(50);
      expect(await plugin.call(HealthService.check, { service: 'plugin' })).toEqual({ status: 1 });
      expect(await listeningPorts(plugin.pid)).toEqual([]);
    }
  });
});
