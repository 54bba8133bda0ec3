import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, link, open, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { keystoreContract } from '../../../keystore-contract/host-contract.ts';
import { type PluginHostError, type PluginInfo, startPluginHost } from '../../../plugin-host/index.ts';
import { openExecutable } from '../../../plugin-host/launch/executable.ts';
import { startProcess } from '../../../plugin-host/launch/plugin-process.ts';
import { installPlugin } from '../../fixtures/plugins/install-plugin.ts';
import { testContract } from '../../fixtures/plugins/test-contract.ts';
import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { rounds } from '../../support/scale.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { processesWith, recordLog } from './host-fixture.ts';
import { openedCopy } from './opened-copy.ts';

const linux = process.platform === 'linux' ? test : test.skip;
const { signal } = new AbortController();
const nowhere = { write: () => undefined, end: () => undefined };
const output = { stdout: nowhere, stderr: nowhere };
const restart = { maxRestarts: 0 };
const LONGEST_MS = 600_000;

/** Puts good and evil in turn under the name `plugin`, as fast as a shell can. */
const SWAPS = {
  'a file renamed over it': `while :; do
    ln -f good new; mv new plugin
    ln -f evil new; mv new plugin
  done`,
  'a link that is turned': `while :; do
    ln -sfn good new; mv -T new plugin
    ln -sfn evil new; mv -T new plugin
  done`,
  'a file taken away and put back': `while :; do
    rm -f plugin; ln good plugin
    rm -f plugin; ln evil plugin
  done`,
};

function startSwaps(directory: string, script: string): ChildProcess & AsyncDisposable {
  const child = spawn('/bin/sh', ['-c', script], { cwd: directory, stdio: 'ignore', detached: true });
  const ended = once(child, 'exit');
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      // With the command it is just at, which would put one more file into the folder.
      process.kill(-child.pid!, 'SIGKILL');
      await ended;
    },
  });
}

/** How the start went: ready and by what, or the code of the error. Nothing is started twice. */
async function outcomeOf(plugin: { ready(): Promise<PluginInfo> }): Promise<string> {
  try {
    return (await plugin.ready()).hashedBytesRun ? 'ready' : 'ready by its path';
  } catch (error) {
    return (error as PluginHostError).code;
  }
}

describe('R-HOST-02 an executable that is swapped between check and start', () => {
  linux.each(Object.entries(SWAPS))(
    'is never what runs: %s',
    async (_name, script) => {
      await using folder = await temporaryFolder();
      // What runs and is not ours ends at once, which nothing else here does.
      await copyFile('/bin/false', join(folder.path, 'evil'));
      await copyFile(builtPlugin(), join(folder.path, 'good'));
      await link(join(folder.path, 'good'), join(folder.path, 'plugin'));
      const sum = sha256(builtPlugin());
      await using swaps = startSwaps(folder.path, script);
      const outcomes = new Map<string, number>();
      // The other is refused by its sum, or neither is there.
      while ((outcomes.get('ready') ?? 0) < rounds(10) || !outcomes.has('ERR_CHECKSUM')) {
        expect(swaps.exitCode).toBeNull();
        await using host = await startPluginHost({
          directory: folder.path,
          logger: recordLog([]),
          plugins: { OPENBAO: { contract: keystoreContract, file: 'plugin', sha256: sum, restart } },
        });
        const outcome = await outcomeOf(host.plugin('OPENBAO'));
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      const allowed = ['ready', 'ERR_CHECKSUM', 'ERR_EXECUTABLE_NOT_FOUND', 'ERR_EXECUTABLE_UNSAFE'];
      expect([...outcomes.keys()].filter((outcome) => !allowed.includes(outcome))).toEqual([]);
    },
    LONGEST_MS,
  );

  linux('would be what runs if the path were started', async () => {
    await using folder = await temporaryFolder();
    const plugin = join(folder.path, 'plugin');
    await copyFile('/bin/true', plugin);
    await copyFile('/bin/false', join(folder.path, 'evil'));
    await using executable = await openExecutable({
      directory: folder.path,
      file: 'plugin',
      sha256: sha256(plugin),
      signal,
    });
    await rename(join(folder.path, 'evil'), plugin);
    for (const [startPath, exitCode] of [
      [executable.startPath, 0],
      [executable.path, 1],
    ] as const) {
      const started = { ...executable, startPath };
      await using child = await startProcess({ executable: started, args: [], environment: {}, ...output });
      expect(await child.exited).toEqual({ exitCode, signal: null });
    }
  });

  linux('R-HOST-61 and written in place is found out when it has started, and ended', async () => {
    await using folder = await temporaryFolder();
    await using executable = await openedCopy(folder.path, '/bin/sleep');
    const { path: plugin } = executable;
    // The same bytes, even: nobody can tell what was there in between.
    const file = await open(plugin, 'r+');
    await file.write(Buffer.from([0x7f]), 0, 1, 0);
    await file.close();
    const environment = { SWAPPED_IN_PLACE: plugin };
    await expect(startProcess({ executable, args: ['600'], environment, ...output })).rejects.toMatchObject({
      code: 'ERR_CHECKSUM',
      message: `${executable.path} was changed while it was being started`,
    });
    expect(await processesWith('SWAPPED_IN_PLACE')).toEqual([]);
  });

  linux('and open for writing is not started at all', async () => {
    await using folder = await temporaryFolder();
    await using executable = await openedCopy(folder.path, '/bin/sleep');
    const { path: plugin } = executable;
    const file = await open(plugin, 'r+');
    try {
      await expect(startProcess({ executable, args: ['600'], environment: {}, ...output })).rejects.toMatchObject({
        code: 'ERR_SPAWN',
        message: `${executable.path} does not start: ETXTBSY`,
      });
    } finally {
      await file.close();
    }
  });
});

describe('R-HOST-61 a script that is swapped before its interpreter opens it', () => {
  /** Loads a script and puts an impostor, a good plugin otherwise, in its place when the interpreter has just begun. */
  async function loadSwapped(delayMs: number): Promise<{ outcome: string; impostorRan: boolean }> {
    await using folder = await temporaryFolder();
    const good = await installPlugin(folder.path, 'good.ts');
    const path = join(folder.path, good.file);
    const trace = join(folder.path, 'trace');
    const impostor = join(folder.path, 'impostor');
    const [shebang, body] = (await readFile(path, 'utf8')).split('\n');
    const text = `${shebang!}\nrequire('node:fs').writeFileSync(${JSON.stringify(trace)}, '');\n${body!}\n`;
    await writeFile(impostor, text, { mode: 0o755 });

    const mark = `MARK_${basename(folder.path).replaceAll('-', '_')}`;
    await using host = await startPluginHost({
      directory: folder.path,
      logger: recordLog([]),
      plugins: { SCRIPT: { contract: testContract, ...good, restart, environment: { set: { [mark]: '1' } } } },
    });
    const outcome = outcomeOf(host.plugin('SCRIPT'));
    while ((await processesWith(mark)).length === 0) await sleep(1);
    await sleep(delayMs);
    await rename(impostor, path);
    return { outcome: await outcome, impostorRan: existsSync(trace) };
  }

  linux(
    'is not served: the host says that it started a path, and looks at the path again after the handshake',
    async () => {
      const impostors: string[] = [];
      while (impostors.length < rounds(10)) {
        const { outcome, impostorRan } = await loadSwapped(Math.random() * 30);
        if (impostorRan) impostors.push(outcome);
        else expect(['ready by its path', 'ERR_CHECKSUM']).toContain(outcome);
      }
      expect(new Set(impostors)).toEqual(new Set(['ERR_CHECKSUM']));
    },
    LONGEST_MS,
  );
});
