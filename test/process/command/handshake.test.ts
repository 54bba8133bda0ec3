import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CHECKS, type CheckId } from '../../../src/command/handshake/checks.ts';
import { PLUGIN_TYPES } from '../../../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { installBrokenCopy } from '../../support/broken-copy.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { checkedJson } from '../../support/command-schema.ts';
import { bundle, pluginVariables } from '../../support/plugin-process.ts';
import { processGone } from '../../support/process-gone.ts';
import { descendants } from '../../support/process-tree.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { runTool, startTool, type ToolOptions } from '../../support/tool.ts';

interface Found {
  readonly passed: boolean;
  readonly configured: boolean;
  readonly checks: readonly { readonly id: CheckId; readonly status: string; readonly saw: readonly string[] }[];
  readonly log: readonly string[];
}

const CONFIGURATION = 'openbao: { allowedAddresses: [{ pattern: "https://bao.example.com" }] }\n';

async function handshake(args: readonly string[], options: ToolOptions = {}): Promise<Found & { code: number | null }> {
  const { code, stderr, stdout } = await runTool(['handshake', ...args, '--output', 'json'], options);
  expect(stderr).toBe('');
  return { ...(await checkedJson<Found>('handshake', stdout)), code };
}

const idsWith = (wanted: string, { checks }: Found): readonly CheckId[] =>
  checks.filter(({ status }) => status === wanted).map(({ id }) => id);

describe('R-CMD-10 handshake finds nothing wrong with', () => {
  test.each(Object.keys(PLUGIN_TYPES))('the executable as %s', async (type) => {
    const found = await handshake(['--type', type]);
    expect(idsWith('failed', found)).toEqual([]);
    expect(idsWith('skipped', found)).toEqual(['configure']);
    expect(found).toMatchObject({ code: 0, passed: true, configured: false });
  });

  test('the executable with a configuration', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'plugin.yaml'), CONFIGURATION);
    const found = await handshake(['--config', 'plugin.yaml'], { cwd: folder.path });
    expect(found).toMatchObject({ code: 0, passed: true, configured: true });
    expect(found.checks.map(({ status }) => status)).toEqual(Object.keys(CHECKS).map(() => 'passed'));
  });

  test('the bundle in a Node', async () => {
    expect(await handshake([], { program: bundle() })).toMatchObject({ code: 0, passed: true });
  });

  test('another file of the plugin, by a path with a link in it', async () => {
    await using folder = await temporaryFolder();
    await symlink(builtPlugin(), join(folder.path, 'installed'));
    expect(await handshake(['installed'], { cwd: folder.path })).toMatchObject({ code: 0, passed: true });
  });
});

describe('R-CMD-10 handshake catches a broken copy', () => {
  test.each<[defect: string, failed: readonly CheckId[], saw: RegExp]>([
    ['dies before the line', ['line'], /the process ended by itself, code 3/],
    ['greets before the line', ['line', 'stdout'], /unrecognized remote plugin message: "Hello\."/],
    ['another protocol', ['line'], /unsupported plugin protocol "netrpc"/],
    ['no certificate in the line', ['line'], /announced no certificate/],
    ['another certificate in the line', ['certificate', 'streams'], /UNAVAILABLE/],
    ['lets everybody in', ['strangers'], /a client with no certificate is let in/],
    ['serves without TLS', ['certificate', 'strangers', 'streams'], /a client with no TLS is let in/],
    ['a socket for all', ['socket'], /its mode is 666/],
    ['no health', ['health'], /UNIMPLEMENTED/],
    ['ill health', ['health'], /status 2/],
    ['other services named', ['init'], /it names other\.v1\.Service/],
    ['no reflection', ['reflection'], /UNIMPLEMENTED/],
    ['a method that answers too early', ['services'], /GetKey was answered with OK/],
    ['a late end', ['shutdown'], /still runs 2 s after Shutdown/],
    ['an end with code 1', ['shutdown'], /it ended by code 1/],
    ['prints after the line', ['stdout'], /6 bytes more/],
    ['plain text in the log', ['log'], /1 of \d+ lines are no log lines/],
    ['leaves a file', ['remains'], /left was left/],
  ])('%s', async (defect, failed, saw) => {
    await using folder = await temporaryFolder();
    const found = await handshake([await installBrokenCopy(folder.path, defect)]);
    expect({ failed: idsWith('failed', found), log: found.log }).toEqual({ failed, log: found.log });
    expect(found).toMatchObject({ code: 6, passed: false });
    expect(found.checks.flatMap((check) => check.saw).join('\n')).toMatch(saw);
  });

  test.each([
    ['that is missing', 'nothing-here', /does not start: ENOENT/],
    ['that is no program', 'plugin.yaml', /does not start: EACCES/],
  ])('%s', async (_, file, saw) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'plugin.yaml'), CONFIGURATION);
    const found = await handshake([file], { cwd: folder.path });
    expect(idsWith('failed', found)).toEqual(['start']);
    expect(found.checks[0]!.saw.join()).toMatch(saw);
    expect(found.code).toBe(6);
  });
});

test('R-CMD-11 the plugin finds the variables of a host and no other', async () => {
  await using folder = await temporaryFolder();
  const file = await installBrokenCopy(folder.path, 'tells its environment');
  const { log } = await handshake([file], {
    variables: { NO_COLOR: '1', SECRET: 'CANARY', NODE_OPTIONS: '--no-warnings' },
  });
  const names = log.find((line) => !line.startsWith('{'))!.split(' ');
  const certificate = createOneTimeCertificate();
  expect(names).toEqual([...Object.keys(pluginVariables(certificate, {})), 'PLUGIN_UNIX_SOCKET_DIR', 'TMPDIR'].sort());
});

test('R-CMD-09 R-CMD-11 Ctrl-C in the middle ends the plugin, removes its files, and the code tells', async () => {
  await using folder = await temporaryFolder();
  const file = await installBrokenCopy(folder.path, 'a late end');
  await using tool = await startTool(['handshake', file]);
  // The plugin was asked to end and takes its time.
  const plugin = await started(tool.pid);
  tool.child.kill('SIGINT');
  expect(await tool.ended).toMatchObject({ code: 130, stdout: '', stderr: '' });
  await processGone(plugin);
});

test('a temporary directory that cannot be used is named', async () => {
  const { code, stderr, stdout } = await runTool(['handshake'], { variables: { TMPDIR: '/nonexistent' } });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    'error: /nonexistent takes no directory for the plugin’s files (ENOENT)\nhint: name another one in TMPDIR\n',
  );
});

test('R-CMD-03 a configuration that is wrong ends it before anything starts', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'plugin.yaml'), 'auth: { method: guess }\n');
  const { code, stderr, stdout } = await runTool(['handshake', '--config', 'plugin.yaml'], { cwd: folder.path });
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toContain('plugin.yaml:1: auth.method: must be callCertificate');
  expect(await readdir(folder.path)).toEqual(['plugin.yaml']);
});

async function started(ancestor: number): Promise<number> {
  for (;;) {
    const found = (await descendants(ancestor))[0];
    if (found !== undefined) return found.pid;
  }
}
