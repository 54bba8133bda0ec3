import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { buildSync } from 'esbuild';

import { processGone } from '../../support/process-gone.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const onLinux = process.platform === 'linux' ? describe : describe.skip;

interface Said {
  readonly pid: number;
  readonly isProtected: boolean;
}

onLinux('R-HOST-42 a host that is one executable with Node inside', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let executable: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    const entryPoints = [join(import.meta.dirname, 'sealed-host.ts')];
    buildSync({ entryPoints, bundle: true, platform: 'node', format: 'cjs', outfile: at('main.cjs') });
    executable = at('host');
    await writeFile(at('sea.json'), JSON.stringify({ main: at('main.cjs'), output: executable }));
    execFileSync(process.execPath, ['--build-sea', at('sea.json')], { stdio: 'pipe' });
    await mkdir(at('sockets'));
  }, 60_000);

  afterAll(() => folder[Symbol.asyncDispose]());

  async function startHost(env: Record<string, string>): Promise<Said & { end(): Promise<void> }> {
    const host = spawn(executable, [join(folder.path, 'sockets')], { env, stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = once(host, 'exit');
    const [line] = (await once(host.stdout, 'data')) as [Buffer];
    return {
      ...(JSON.parse(line.toString()) as Said),
      async end() {
        host.kill('SIGKILL');
        await ended;
      },
    };
  }

  test('runs the reaper itself, if its main program lets it', async () => {
    const host = await startHost({});
    expect(host.isProtected).toBe(true);
    await host.end();
    await processGone(host.pid);
    while ((await readdir(join(folder.path, 'sockets'))).length > 0) await new Promise((go) => setTimeout(go, 10));
  });

  test('says that nothing is protected, if not', async () => {
    const host = await startHost({ WITHOUT: '1' });
    try {
      expect(host.isProtected).toBe(false);
    } finally {
      await host.end();
      process.kill(host.pid, 'SIGKILL');
    }
  });
});
