import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { CONFORMANCE_CASES } from '../../../keystore-contract/conformance/cases/index.ts';
import { createKey } from '../../../scripts/openbao/setup.ts';
import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { type Customer, startCustomer } from '../../support/customer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

const COMMAND = 'dist/plugin-host';
const KEY = 'l1';
const SECRET = 'aSBhbSBhIGNhbmFyeQ==';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly talk: string;
}

describe('the plugin-host command', () => {
  let customer: Customer;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const at = (name: string): string => join(folder.path, name);

  beforeAll(async () => {
    customer = await startCustomer();
    await createKey(customer.bao, { key: KEY });
    folder = await temporaryFolder();
    await writeFile(at('openbao.yaml'), customer.yaml('approle'));
    await writeFile(at('list.yaml'), list({}));
    await writeFile(at('request.json'), JSON.stringify({ parameters: { keyId: KEY }, plaintext: SECRET }));
  });
  afterAll(async () => {
    await customer[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  function list(changes: Readonly<Record<string, unknown>>): string {
    const entry = {
      name: 'OPENBAO',
      type: 'KeystoreInstanceKeyOperation',
      path: builtPlugin(),
      checksum: sha256(builtPlugin()),
      yamlConfiguration: customer.yaml('approle'),
      ...changes,
    };
    // JSON is YAML.
    return JSON.stringify({ plugins: [entry] });
  }

  type Command = ChildProcessByStdio<Writable, Readable, Readable>;
  /** Sockets of the plugins lie in a directory of the test's own. */
  async function started(args: readonly string[], use: (child: Command) => Promise<Ended>): Promise<Ended> {
    await using sockets = await temporaryFolder();
    const child = spawn(COMMAND, args, { env: { TMPDIR: sockets.path }, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined);
    const ended = await use(child);
    expect(await readdir(sockets.path)).toEqual([]);
    return ended;
  }
  const end = async (child: Command): Promise<Ended> => {
    const closed = once(child, 'close') as Promise<[number | null]>;
    const [[code], out, talk] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
    return { code, out, talk };
  };
  const run = (args: readonly string[], input = ''): Promise<Ended> =>
    started(args, (child) => {
      child.stdin.end(input);
      return end(child);
    });
  const fromList = (file = 'list.yaml'): string[] => ['--config', at(file)];

  describe('status', () => {
    test('R-HOST-65 shows the plugin and the keystore behind it', async () => {
      const { code, out, talk } = await run(['status', ...fromList(), '--key', KEY]);
      expect({ code, talk }).toEqual({ code: 0, talk: '' });
      expect(out.split('\n')).toEqual([
        expect.stringMatching(/^PLUGIN +STATE +KEYSTORE +GEN +UPTIME +CALLS +SUCCESS +P50 +P99 /) as string,
        expect.stringMatching(/^OPENBAO +ready +active +1 +\d+ s +2 +100\.0 % +[\d.]+ ms +[\d.]+ ms /) as string,
        '',
      ]);
    });

    test('R-HOST-65 fails when the keystore does not serve', async () => {
      await writeFile(at('other.yaml'), list({ yamlConfiguration: 'openbao: { addresses: ["https://127.0.0.1:1"] }' }));
      const { code, out } = await run(['status', ...fromList('other.yaml'), '--output', 'json']);
      expect(code).toBe(4);
      expect(JSON.parse(out)).toMatchObject({
        plugins: { OPENBAO: { state: 'ready', keystore: expect.stringMatching(/unavailable|refused/) as string } },
      });
    });

    test('R-HOST-65 fails when the plugin does not start, and says why', async () => {
      await writeFile(at('wrong.yaml'), list({ yamlConfiguration: 'nothing: known' }));
      const { code, out } = await run(['status', ...fromList('wrong.yaml')]);
      expect(code).toBe(4);
      expect(out).toMatch(/^OPENBAO +failed .*nothing/m);
    });

    test.each(['SIGINT', 'SIGTERM'] as const)('with --watch shows it again and again, until %s', async (signal) => {
      const { code, out } = await started(
        ['status', ...fromList(), '--watch', '--interval', '0.1', '--output', 'json'],
        async (child) => {
          let shown = '';
          child.stdout.on('data', (chunk: Buffer) => {
            shown += chunk.toString();
            if (shown.includes('"operations":3,"outcomes"')) child.kill(signal);
          });
          return end(child);
        },
      );
      expect(code).toBe(0);
      const shown = out
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as Shown).plugins.OPENBAO.calls.operations);
      expect([...new Set(shown)].filter((count) => count > 0).slice(0, 3)).toEqual([1, 2, 3]);
    });

    test('ends when nobody reads any more', async () => {
      const { code } = await started(['status', ...fromList(), '--watch', '--interval', '0.1'], async (child) => {
        child.stdout.once('data', () => child.stdout.destroy());
        const [exitCode] = (await once(child, 'exit')) as [number | null];
        return { code: exitCode, out: '', talk: '' };
      });
      expect(code).toBe(0);
    });
  });

  describe('call', () => {
    test('R-HOST-66 prints the answer as JSON', async () => {
      const request = JSON.stringify({ parameters: { keyId: KEY } });
      const { code, out } = await run(['call', 'GetKey', request, ...fromList(), '--plugin', 'OPENBAO']);
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ keyId: KEY, status: 'ENABLED', latestKeyVersionId: '1' });
    });

    test('R-HOST-66 takes a request from standard input, which no list of processes shows', async () => {
      const request = JSON.stringify({ parameters: { keyId: KEY }, plaintext: SECRET });
      const encrypted = await run(['call', 'crypto.encrypt', '-', ...fromList()], request);
      expect(encrypted.code).toBe(0);
      const { ciphertext } = JSON.parse(encrypted.out) as { ciphertext: string };
      const decrypt = JSON.stringify({ parameters: { keyId: KEY }, ciphertext });
      const { out } = await run(['call', 'Decrypt', decrypt, ...fromList(), '--log-level', 'trace']);
      expect(JSON.parse(out)).toEqual({ plaintext: SECRET, keyVersionId: '1' });
    });

    test('R-HOST-66 prints what the plugin refuses it with', async () => {
      const request = JSON.stringify({ parameters: { keyId: 'nobody' } });
      const { code, out } = await run(['call', 'GetKey', request, ...fromList()]);
      expect(code).toBe(5);
      expect(JSON.parse(out)).toMatchObject({ error: { code: 'NOT_FOUND', errorInfo: { reason: 'KEY_NOT_FOUND' } } });
    });
  });

  describe('verify', () => {
    test('R-HOST-67 runs the conformance cases and counts them', async () => {
      const { code, out, talk } = await run(['verify', builtPlugin(), '--config', at('openbao.yaml'), '--key', KEY]);
      expect({ code, talk }).toEqual({ code: 0, talk: '' });
      const lines = out.trimEnd().split('\n');
      const last = /^HYOK, DATA: (\d+) cases checked, (\d+) passed, 0 failed, (\d+) skipped$/.exec(lines.pop() ?? '');
      expect(last?.[1]).toBe(last?.[2]);
      expect(Number(last?.[1])).toBe(lines.length);
      expect(Number(last?.[1]) + Number(last?.[3])).toBe(CONFORMANCE_CASES.length);
      for (const line of lines) expect(line).toMatch(/^ok +(BASE|HYOK|DATA)-/);
    });

    test('R-HOST-67 judges a plugin on what it claims, with more cases the more it is told', async () => {
      const stage = {
        facts: { missingKey: 'nobody', oversizedPlaintext: 1024 * 1024 + 1 },
        traits: ['openBaoAccessData'],
      };
      await writeFile(at('stage.json'), JSON.stringify(stage));
      const args = ['verify', builtPlugin(), '--config', at('openbao.yaml'), '--key', KEY, '--output', 'json'];
      const [hyok, more] = await Promise.all([
        run([...args, '--profile', 'HYOK']),
        run([...args, '--profile', 'hyok', '--profile', 'DATA', '--stage', at('stage.json')]),
      ]);
      const [one, other] = [hyok, more].map(({ out }) => JSON.parse(out) as Verdict);
      expect(one).toMatchObject({ profiles: ['HYOK'], failed: 0 });
      expect(one?.results.filter(({ id, outcome }) => id.startsWith('DATA') && outcome !== 'skipped')).toEqual([]);
      expect(other).toMatchObject({ profiles: ['HYOK', 'DATA'], failed: 0 });
      expect(other?.results.find(({ id }) => id === 'DATA-SIZE-02')?.outcome).not.toBe('failed');
      expect(other?.passed).toBeGreaterThan(one?.passed ?? 0);
    });

    test('R-HOST-67 fails when a case does not hold', async () => {
      const { code, out } = await run(['verify', builtPlugin(), '--config', at('openbao.yaml'), '--key', 'nobody']);
      expect(code).toBe(4);
      expect(out).toMatch(/^FAILED +HYOK-GETKEY-01 /m);
      expect(out).toMatch(/ cases checked, \d+ passed, [1-9]\d* failed, \d+ skipped\n$/);
    });

    test('R-HOST-67 says that an executable is no plugin', async () => {
      await copyFile('/bin/true', at('no-plugin'));
      const { code, talk } = await run(['verify', at('no-plugin'), '--key', KEY]);
      expect(code).toBe(6);
      expect(talk).toMatch(/exited with code 0 while the host waited for its handshake line/);
    });

    test('R-HOST-68 ends in the middle and leaves nothing', async () => {
      const { code } = await started(
        ['verify', builtPlugin(), '--config', at('openbao.yaml'), '--key', KEY],
        async (child) => {
          // Its keystore does not answer, so it cannot come to its end before.
          child.stdout.once('data', () => {
            customer.bao.pause();
            child.kill('SIGINT');
          });
          return end(child).finally(() => customer.bao.resume());
        },
      );
      expect(code).toBe(130);
    });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('R-HOST-68 %s ends the wait for standard input', async (signal) => {
    const { code } = await started(['call', 'GetKey', '-', ...fromList()], async (child) => {
      child.stdin.write('{');
      // It listens for the signal before it reads.
      await until(
        'reading',
        async () => (await readlink(`/proc/${child.pid}/fd/0`)) !== '' && (await listensTo(child.pid!)),
      );
      child.kill(signal);
      return end(child);
    });
    expect(code).toBe(130);
  });

  test('R-HOST-68 what is no regular file is not waited for', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    const verified = await run(['verify', at('fifo'), '--key', KEY]);
    expect(verified).toMatchObject({ code: 3, talk: expect.stringMatching(/fifo cannot be read: EINVAL/) as string });
    const listed = await run(['status', ...fromList('fifo')]);
    expect(listed).toMatchObject({ code: 3, talk: expect.stringMatching(/fifo cannot be read: EINVAL/) as string });
    await writeFile(at('fifos.yaml'), list({ path: at('fifo'), checksum: '' }));
    const hashed = await run(['status', ...fromList('fifos.yaml')]);
    expect(hashed).toMatchObject({ code: 3, talk: expect.stringMatching(/OPENBAO .*fifo: EINVAL/) as string });
  });

  test('R-HOST-65 a plugin that hangs is seen by who watches', async () => {
    await writeFile(at('hangs.sh'), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    await writeFile(at('hangs.yaml'), list({ path: at('hangs.sh'), checksum: '' }));
    const { code, out } = await started(
      ['status', ...fromList('hangs.yaml'), '--watch', '--interval', '0.1'],
      async (child) => {
        child.stdout.once('data', () => child.kill('SIGINT'));
        return end(child);
      },
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^OPENBAO +starting +not asked /m);
  });

  test('R-HOST-68 a text of the plugin does not steer the terminal', async () => {
    await writeFile(at('steers.sh'), "#!/bin/sh\nprintf 'a\\033[2Jb\\n'\n", { mode: 0o755 });
    await writeFile(at('steers.yaml'), list({ path: at('steers.sh'), checksum: '' }));
    const { code, out } = await run(['status', ...fromList('steers.yaml')]);
    expect(code).toBe(4);
    expect(out).toContain('\\u001b[2J');
    expect(out).not.toContain('\u001B');
  });

  test.each([
    ['no command', [], 2, /a command is missing[^]*Commands:/],
    ['an unknown command', ['verfy'], 2, /there is no command "verfy"/],
    ['an unknown option', ['status', '--colour'], 2, /Unknown option '--colour'/],
    ['no list', ['status'], 2, /--config is missing/],
    [
      'a list that is not there',
      ['status', '--config', '/nowhere/list.yaml'],
      3,
      /\/nowhere\/list\.yaml cannot be read: ENOENT/,
    ],
    [
      'a value of another kind',
      ['call', 'Encrypt', '{"plaintext": 4242}', '--config', 'x'],
      2,
      /the request of Encrypt: a field has a value of the wrong kind$/m,
    ],
    [
      'an interval that is none',
      ['status', '--config', 'x', '--interval', 'soon'],
      2,
      /--interval must be 0\.1 to 3600 seconds/,
    ],
    [
      'an unknown level',
      ['status', '--config', 'x', '--log-level', 'loud'],
      2,
      /--log-level must be one of trace, debug/,
    ],
    [
      'an unknown method',
      ['call', 'Encript', '{}', '--config', 'x'],
      2,
      /there is no method "Encript"; there are GetKey, /,
    ],
    [
      'a request that is no JSON',
      ['call', 'GetKey', `{${SECRET}`, '--config', 'x'],
      2,
      /the request is no JSON object/,
    ],
    [
      'a field that is none',
      ['call', 'GetKey', '{"key": 1}', '--config', 'x'],
      2,
      /the request of GetKey: there is no field key/,
    ],
    ['one argument too few', ['call', 'GetKey', '--config', 'x'], 2, /call takes METHOD JSON/],
    [
      'an unknown profile',
      ['verify', 'x', '--key', KEY, '--profile', 'ALL'],
      2,
      /there is no profile "ALL"; there are HYOK, BYOK, DATA/,
    ],
    [
      'an executable that is not there',
      ['verify', '/nowhere/x', '--key', KEY],
      3,
      /\/nowhere\/x cannot be read: ENOENT/,
    ],
    [
      'a configuration that is not there',
      ['verify', 'x', '--key', KEY, '--config', '/nowhere/x'],
      3,
      /\/nowhere\/x cannot be read: ENOENT/,
    ],
  ])('R-HOST-68 %s: exit code and text, nothing on stdout', async (_name, args, exitCode, message) => {
    const { code, out, talk } = await run(args);
    expect({ code, out }).toEqual({ code: exitCode, out: '' });
    expect(talk).toMatch(message);
    expect(talk).not.toContain(SECRET);
  });

  test.each([
    [['--help'], /^Examples:\n/],
    [['status', '--help'], /^plugin-host status: /],
    [['verify', '-h'], /--key NAME/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
  ])('%j helps', async (args, wanted) => {
    const { code, out, talk } = await run(args);
    expect({ code, talk }).toEqual({ code: 0, talk: '' });
    expect(out).toMatch(wanted);
  });
});

/** Whether the command has its handlers, the last of which is that for SIGHUP, from the mask that the kernel shows. */
async function listensTo(pid: number): Promise<boolean> {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & 1n) !== 0n;
}

interface Shown {
  readonly plugins: { readonly OPENBAO: { readonly calls: { readonly operations: number } } };
}

interface Verdict {
  readonly passed: number;
  readonly results: readonly { readonly id: string; readonly outcome: string }[];
}
