import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { HealthService } from '../../../plugin-protocol/services.ts';
import { bundle, spawnPlugin, startPlugin, type Program } from '../../support/plugin-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

// The executable takes no preload; its crashes are those of the bundle.
const bundleWith = (preload: string, ...flags: string[]): Program =>
  bundle(...flags, '--require', join(process.cwd(), 'test/process/plugin/preloads', preload));

test.each([
  'exception',
  'exception that is no error',
  'rejection',
  'rejection that is no error',
  'two exceptions',
  'while a module loads',
  'exception before the handshake',
])('P40 R-PROC-53 %s: one error line without secrets, exit code 1, no file left', async (way) => {
  const secret = 'CANARY-5f2e';
  // Node would write the environment into such a report.
  const program = bundleWith('crash.cjs', '--report-uncaught-exception', '--report-on-fatalerror');
  await using plugin = await spawnPlugin({ program, variables: { CRASH: way, DATABASE_PASSWORD: secret } });
  expect(await plugin.ended).toEqual({ code: 1, signal: null });
  expect(plugin.log().filter(({ level }) => level === 'error')).toHaveLength(1);
  expect(plugin.output.stderr).not.toContain(secret);
  await plugin.stop();
});

test('P39 P41 R-PROC-42 what dependencies print never reaches stdout, and stderr as log lines only', async () => {
  await using plugin = await startPlugin({ program: bundleWith('chatty-dependency.cjs') });
  await plugin.logged(({ fields }) => fields.text === 'log later');
  await plugin.logged(({ fields }) => String(fields.warning).startsWith('a warning\nof two lines'));
  await plugin.call(HealthService.check, { service: 'plugin' });
  const texts = plugin.log().map(({ fields }) => fields.text);
  expect(texts).toContain('two\nlines');
  expect(texts).toContainEqual(expect.stringMatching(/^x{3000}/));
  await plugin.stop();
  expect(plugin.output.stderr).not.toContain('straight to');
  expect(plugin.output.stdout.match(/\n/g)).toHaveLength(1);
});

test('a stdout that nobody reads ends the start: one error line, exit code 1, no file left', async () => {
  await using stdout = await fullPipe();
  await using plugin = await spawnPlugin({ program: bundleWith('unblock-stdout.cjs'), stdout: stdout.fd });
  expect(await plugin.ended).toEqual({ code: 1, signal: null });
  const errors = plugin.log().filter(({ level }) => level === 'error');
  expect(errors.map(({ message }) => message)).toEqual(['plugin init error']);
});

/** The writing end of a pipe that has no room left. */
async function fullPipe(): Promise<AsyncDisposable & { readonly fd: number }> {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(fd, 'x'.repeat(4096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'EAGAIN' });
  }
  return {
    fd,
    async [Symbol.asyncDispose]() {
      closeSync(fd);
      await folder[Symbol.asyncDispose]();
    },
  };
}
