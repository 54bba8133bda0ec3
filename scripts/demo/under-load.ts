import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { statusTable } from '../../plugin-host/command/status-table.ts';
import { type CrashReport, PluginHostError, type PluginInfo } from '../../plugin-host/index.ts';
import { unlessAborted } from '../../plugin-host/wait.ts';
import { type Callers, startCallers } from '../callers.ts';
import { KEY } from './customer.ts';
import type { Installed, Plugin } from './operator.ts';
import type { Screen } from './screen.ts';
import { timed } from './wording.ts';

const CALLERS = 64;
/** So many answers before and after what happens, so that it happens in the middle. */
const ANSWERS = 256;

interface Scene {
  readonly screen: Screen;
  readonly plugin: Plugin;
  readonly signal: AbortSignal;
}

/** A new version of the executable takes over while callers go on. */
export async function hotSwap({ screen, plugin, signal }: Scene, installed: Installed): Promise<void> {
  screen.step(`A new version takes over, with ${CALLERS} callers at work`);
  const before = runningProcess(plugin);
  const file = `${installed.file}-next`;
  await copyFile(join(installed.directory, installed.file), join(installed.directory, file));
  const probe = (client: Plugin['client']): Promise<unknown> => encrypt({ client }, signal);
  const { callers, result } = await underLoad({ plugin, signal }, () =>
    timed(plugin.replace({ file, sha256: installed.sha256 }, { probe, signal })),
  );
  const [after, took] = result;
  assert.deepEqual(callers.errors, [], 'no call failed');
  assert(after.pid !== before.pid);
  screen.value('processes', `pid ${before.pid} → pid ${after.pid}, plugins/${file}`);
  screen.value('took', `${took}: started, configured, probed, switched, the old one drained and ended`);
  screen.proof('calls', `${callers.answered} answered, 0 failed`);
  showStatus(screen, plugin);
}

/** The process is killed while callers go on. */
export async function crash({ screen, plugin, signal }: Scene): Promise<void> {
  screen.step(`The process is killed, with ${CALLERS} callers at work`);
  const { pid } = runningProcess(plugin);
  let killedAt = 0;
  const { callers, result, endedAt } = await underLoad({ plugin, signal }, () => {
    const crashed = once(plugin, 'crash', { signal }) as Promise<[CrashReport]>;
    killedAt = performance.now();
    process.kill(pid, 'SIGKILL');
    return crashed;
  });
  const [report] = result;
  const lost = callers.errors.filter((error) => error instanceof PluginHostError && error.code === 'ERR_PLUGIN_EXITED');
  assert.equal(lost.length, callers.errors.length, 'nothing but the calls in flight was rejected');
  screen.value('crash', report.error.message);
  screen.proof('in flight', `${lost.length} calls rejected at once with that reason; each caller tried again`);
  screen.proof(
    'calls',
    `${callers.answered} answered; ${ANSWERS} of them ${(endedAt - killedAt).toFixed(0)} ms after the kill`,
  );
  screen.value(
    'restart',
    `after ${report.restartInMs?.toFixed(0) ?? 'no'} ms, with the same configuration; it logged in again`,
  );
  showStatus(screen, plugin);
}

/** Lets something happen while callers go on, with so many answers before it and after it. */
async function underLoad<Result>(
  { plugin, signal }: Pick<Scene, 'plugin' | 'signal'>,
  happening: () => Promise<Result>,
): Promise<{ readonly callers: Callers; readonly result: Result; readonly endedAt: number }> {
  const callers = startCallers(CALLERS, () => encrypt(plugin, signal));
  try {
    await unlessAborted(callers.answers(ANSWERS), signal);
    const result = await happening();
    await unlessAborted(callers.answers(ANSWERS), signal);
    return { callers, result, endedAt: performance.now() };
  } finally {
    await callers.stop();
  }
}

function showStatus(screen: Screen, plugin: Plugin): void {
  screen.value('status', ...statusTable({ OPENBAO: plugin.status() }, screen.valueWidth));
}

function runningProcess(plugin: Plugin): PluginInfo {
  assert(plugin.info, 'the plugin is ready');
  return plugin.info;
}

async function encrypt({ client: { crypto } }: Pick<Plugin, 'client'>, signal: AbortSignal): Promise<void> {
  const parameters = { config: undefined, keyId: KEY };
  await crypto.encrypt({ parameters, plaintext: Buffer.from('a data key of a caller') }, { signal });
}
