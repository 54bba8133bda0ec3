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

/** Where one of the process's streams goes, for its whole life. */
export interface OutputSink {
  write(chunk: Buffer): void;
  /** Once, before the end of the process is told. */
  end(): void;
}

/** Starts an executable without a shell. stdin is empty. */
export async function startProcess(options: {
  executable: Executable;
  args: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  stdout: OutputSink;
  stderr: OutputSink;
}): Promise<PluginProcess> {
  const { executable } = options;
  const { child, unguard } = await spawned(executable, options.args, options.environment);
  const { pid } = child;
  const disarm = atHostExit(() => killGroup(pid));
  const finishStdout = drain(child.stdout, options.stdout);
  const finishStderr = drain(child.stderr, options.stderr);

  const exited = (async (): Promise<ProcessExit> => {
    const closed = once(child, 'close');
    const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    // At once: later the number could belong to somebody else.
    killGroup(pid);
    disarm();
    unguard();
    await settlesWithin(closed, PIPES_MS);
    finishStdout();
    finishStderr();
    return { exitCode, signal };
  })();

  let leaveMs = 0;
  const started: PluginProcess = {
    pid,
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

/** Reads a stream into its sink from now on; the returned function ends it if it has not ended by itself. */
function drain(stream: Readable, sink: OutputSink): () => void {
  let isEnded = false;
  const finish = (): void => {
    stream.destroy();
    if (isEnded) return;
    isEnded = true;
    sink.end();
  };
  stream
    .on('data', (chunk: Buffer) => sink.write(chunk))
    .on('end', finish)
    // A pipe that breaks shows as the end of the process; without a listener it would be an uncaught exception here.
    .on('error', () => undefined);
  return finish;
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
