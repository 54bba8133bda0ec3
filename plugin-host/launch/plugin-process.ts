import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

import { PluginHostError, systemErrorCode } from '../errors.ts';
import { settlesWithin } from '../wait.ts';
import type { Executable } from './executable.ts';
import { atHostExit } from './exit-guard.ts';
import { guardGroup } from './reaper.ts';

/** go-plugin's patience between the Shutdown call and SIGKILL. */
const LEAVE_MS = 2000;
/** For what a dead process has left in its pipes, and for pipes held by a process that left the group. */
const PIPES_MS = 250;
/** A killed process can be slow to go while the kernel finishes for it. */
const KILLED_MS = 5000;

export interface ProcessExit {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A plugin's process, the leader of its own group. Disposing ends it: at once, or in peace when it was asked to leave. */
export interface PluginProcess extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: Readable;
  /** Resolves when the process is gone and what it wrote has been read. Its group is dead then, too. */
  readonly exited: Promise<ProcessExit>;
  /**
   * Rejects with `ERR_CHECKSUM` when what runs may not be what was hashed. To be asked once the process has shown that it
   * runs: a script is opened by its interpreter, when the check is long over.
   */
  assertUnchanged(): Promise<void>;
  /** The process was told to end; disposing gives it 2 s before SIGKILL. */
  expectExit(): void;
}

/** Starts an executable without a shell. stdin is empty; stderr goes to the sink for the process's whole life. */
export async function startProcess(options: {
  executable: Executable;
  args: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  stderr: { write(chunk: Buffer): void; end(): void };
}): Promise<PluginProcess> {
  const { executable, stderr } = options;
  const { child, unguard } = await spawned(executable, options.args, options.environment);
  const { pid } = child;
  const disarm = atHostExit(() => killGroup(pid));
  child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk));
  // A pipe that breaks shows as the end of the process; without a listener it would be an uncaught exception here.
  for (const pipe of [child.stdout, child.stderr]) pipe.on('error', () => undefined);

  const exited = (async (): Promise<ProcessExit> => {
    const closed = once(child, 'close');
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    // At once: later the number could belong to somebody else.
    killGroup(pid);
    disarm();
    unguard();
    await settlesWithin(closed, PIPES_MS);
    child.stdout.destroy();
    child.stderr.destroy();
    stderr.end();
    return { exitCode, signal };
  })();

  let leaveMs = 0;
  const started: PluginProcess = {
    pid,
    stdout: child.stdout,
    exited,
    // The file of a program cannot be written while it runs.
    assertUnchanged: () => (executable.hashedBytesRun ? Promise.resolve() : executable.assertUnchanged()),
    expectExit() {
      leaveMs = LEAVE_MS;
    },
    async [Symbol.asyncDispose]() {
      if (leaveMs > 0 && (await settlesWithin(exited, leaveMs))) return;
      if (child.exitCode === null && child.signalCode === null) killGroup(pid);
      await settlesWithin(exited, KILLED_MS);
    },
  };
  try {
    await executable.assertUnchanged();
    return started;
  } catch (error) {
    await started[Symbol.asyncDispose]();
    throw error;
  }
}

/** SIGKILL to all that is left of the group. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nobody is left, which is what was wanted.
  }
}

type SpawnedChild = ChildProcessByStdio<null, Readable, Readable> & { readonly pid: number };

async function spawned(
  { path, startPath }: Executable,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ child: SpawnedChild; unguard: () => void }> {
  try {
    const child = spawn(startPath, args, {
      argv0: path,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const unguard = child.pid === undefined ? (): void => undefined : guardGroup(child.pid);
    await once(child, 'spawn');
    return { child: child as SpawnedChild, unguard };
  } catch (error) {
    throw new PluginHostError('ERR_SPAWN', `${path} does not start: ${systemErrorCode(error)}`, { path });
  }
}
