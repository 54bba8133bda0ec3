import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isSea } from 'node:sea';
import { Script } from 'node:vm';

import { settlesWithin } from '../wait.ts';
import { REAP, WAIT_IN_SHELL } from './reaper-program.ts';

const SHELL = '/bin/sh';
/** This program's own file, even when another has taken its place on the disk. */
const OWN_PROGRAM = '/proc/self/exe';
const OWN_DESCRIPTOR = '/proc/self/fd/4';
const REAPER_ARGUMENT = '--reap-plugins';
/** A reaper has nothing to do when it is ended in order. */
const END_MS = 1000;
/** One that ends sooner than this by itself would do so again. */
const SHORT_LIFE_MS = 1000;

/**
 * What does away with the plugins of a host that was killed: a process of its own that waits for the end of a pipe which
 * this process holds open, and which the kernel closes however this process dies.
 *
 * Node cannot ask the kernel to kill a child with its parent, and the kernel would kill one process, not what it started.
 * A thread dies with the host; so the waiting is done by a process. One serves all hosts of a thread, and only while there
 * is something to guard. It is a session of its own, has an empty environment and no descriptors but the pipe and the file
 * of Node. Measured (x64, Node 26): as a shell 1.5 ms to start and 0.1 MiB of memory of its own; where there is no shell, as
 * Node, 27 ms and 8 MiB of its own (41 MiB resident, the rest being shared with the host), the same with every flag that
 * promises less. It is Node in any case that ends the plugins: the shell becomes Node when the pipe ends.
 *
 * The pipe carries the whole state, a line at each change, written before what it names is made (directories) or before
 * anything else can happen (processes). A process between fork and exec holds the pipe, so its end comes after all starts.
 */
interface Reaper {
  tell(line: string): void;
  /** Ends it, which is in order only after an empty line. Never rejects. */
  end(): Promise<void>;
}

interface Group {
  readonly pid: number;
  /** In clock ticks since the start of the system: with the number, it is one process for certain. */
  readonly startTime: string;
}

const directories = new Set<string>();
const groups = new Set<Group>();
let reaper: Reaper | undefined;
let isOwnReaper = false;

/** Whether what is guarded is done away with even if this process is killed. On Linux, unless no reaper could be started. */
export function hasOrphanProtection(): boolean {
  return reaper !== undefined;
}

/**
 * From now on the directory, and every process that has it as `PLUGIN_UNIX_SOCKET_DIR` in its environment, is gone soon
 * after this process. The returned function takes that back, when the directory is gone; with the last one the reaper ends.
 */
export function guardDirectory(path: string): () => Promise<void> {
  directories.add(path);
  if (reaper === undefined) reaper = startReaper();
  else tell();
  return async () => {
    directories.delete(path);
    tell();
    if (directories.size > 0) return;
    const last = reaper;
    reaper = undefined;
    await last?.end();
  };
}

/**
 * The same for the process group that a child has just been made the leader of. To be called before the event loop goes on:
 * until then the child keeps its number even when it is dead.
 */
export function guardGroup(pid: number): () => void {
  if (reaper === undefined) return () => undefined;
  const group = { pid, startTime: startTimeOf(pid) };
  groups.add(group);
  tell();
  return () => {
    groups.delete(group);
    tell();
  };
}

/**
 * For an application that is one executable with Node inside: the first call of its main program, which must end when the
 * answer is true, because the process then was the reaper and has done its work. Without it such an application, whose
 * executable cannot run the reaper's code by itself, has no orphan protection.
 */
export function runAsReaper(): boolean {
  isOwnReaper = true;
  if (process.argv[2] !== REAPER_ARGUMENT) return false;
  new Script(REAP, { filename: 'reaper' }).runInThisContext();
  return true;
}

function tell(): void {
  reaper?.tell(formatState());
}

/** In ASCII, which every shell hands on as it is. */
function formatState(): string {
  if (directories.size + groups.size === 0) return '\n';
  const state = JSON.stringify({ groups: [...groups], directories: [...directories] });
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${state.replaceAll(/[^ -~]/g, escape)}\n`;
}

function startReaper(): Reaper | undefined {
  const child = spawnReaper();
  if (child === undefined) return undefined;
  const begin = performance.now();
  const pipe = child.stdio[3] as Socket;
  const exited = once(child, 'exit').catch(() => undefined);
  // A reaper that is gone shows by its exit.
  pipe.on('error', () => undefined);
  child.unref();
  pipe.unref();

  const self: Reaper = {
    tell: (line) => void pipe.write(line),
    async end() {
      pipe.end();
      if (!(await settlesWithin(exited, END_MS))) child.kill('SIGKILL');
      pipe.destroy();
    },
  };
  // Somebody ended it, the kernel for want of memory perhaps: another takes over.
  child.once('exit', () => {
    pipe.destroy();
    if (reaper !== self) return;
    reaper = performance.now() - begin < SHORT_LIFE_MS ? undefined : startReaper();
  });
  self.tell(formatState());
  return self;
}

/** Undefined where there cannot be one. */
function spawnReaper(): ChildProcess | undefined {
  const command = process.platform === 'linux' ? reaperCommand(canExecute(SHELL)) : undefined;
  if (command === undefined) return undefined;
  let program: number | undefined;
  try {
    program = openSync(OWN_PROGRAM, 'r');
    const [file, ...args] = command;
    const child = spawn(file, args, {
      env: { NODE_V8_COVERAGE: undefined },
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', program],
    });
    child.on('error', () => undefined);
    return child.pid === undefined ? undefined : child;
  } catch {
    return undefined;
  } finally {
    if (program !== undefined) closeSync(program);
  }
}

/**
 * What to start with the pipe as descriptor 3 and this program's own file as descriptor 4. Undefined if this is a Node that
 * takes no code.
 */
export function reaperCommand(hasShell: boolean): readonly [string, ...string[]] | undefined {
  if (process.versions.electron !== undefined || (isSea() && !isOwnReaper)) return undefined;
  const code = ['--v8-pool-size=0', '--max-semi-space-size=1', '--eval', REAP];
  const args = isSea() ? [REAPER_ARGUMENT] : code;
  return hasShell ? [SHELL, '-c', WAIT_IN_SHELL, OWN_DESCRIPTOR, ...args] : [OWN_PROGRAM, ...args];
}

function canExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Empty, which is no process's, when it cannot be read. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
