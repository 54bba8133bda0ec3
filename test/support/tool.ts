import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { builtPlugin } from './built-plugin.ts';
import type { Program } from './plugin-process.ts';

/** No command needs longer; one that hangs does not outlive its test by much. */
const LIFETIME_MS = 60_000;

export interface ToolOptions {
  /** The built executable when not given. */
  readonly program?: Program;
  /** Laid over `TMPDIR`, which is all there is. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Where it runs; an empty folder when not given. */
  readonly cwd?: string;
  /** A descriptor to write results to in place of a pipe that is read. */
  readonly stdout?: number;
}

/** What came of a command line. */
export interface ToolRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface RunningTool extends AsyncDisposable {
  readonly child: ChildProcessByStdio<null, Readable | null, Readable>;
  readonly pid: number;
  /** Its temporary directory, made for it alone. */
  readonly folder: string;
  /** What it has written so far. */
  readonly output: { readonly stdout: string; readonly stderr: string };
  /** Resolves when it has written this. */
  wrote(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>;
  /** Rejects when it has left something in its temporary directory. */
  readonly ended: Promise<ToolRun>;
}

/** Runs the built executable as a tool, to its end. */
export async function runTool(args: readonly string[], options: ToolOptions = {}): Promise<ToolRun> {
  await using tool = await startTool(args, options);
  return await tool.ended;
}

/** Starts it and waits for nothing. Disposing ends it. */
export async function startTool(args: readonly string[], options: ToolOptions = {}): Promise<RunningTool> {
  const { program = [builtPlugin()], variables = {}, stdout = 'pipe' } = options;
  const [file, ...before] = program;
  const folder = await mkdtemp(join(tmpdir(), 'tool-'));
  const child = spawn(file, [...before, ...args], {
    cwd: options.cwd ?? folder,
    env: { TMPDIR: folder, ...variables },
    stdio: ['ignore', stdout, 'pipe'],
    timeout: LIFETIME_MS,
    killSignal: 'SIGKILL',
  }) as ChildProcessByStdio<null, Readable | null, Readable>;
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  let isOver = false;
  const ended = (async (): Promise<ToolRun> => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    isOver = true;
    const left = await readdir(folder);
    await rm(folder, { recursive: true });
    if (left.length > 0) throw new Error(`the tool left ${left.join(', ')}\n${output.stderr}`);
    return { code, signal, ...output };
  })();
  ended.catch(() => undefined);
  return {
    child,
    pid: child.pid!,
    folder,
    output,
    ended,
    async wrote(stream, pattern) {
      for (;;) {
        const found = pattern.exec(output[stream]);
        if (found !== null) return found;
        if (isOver) throw new Error(`it ended without it:\n${output.stdout}${output.stderr}`);
        await Promise.race([once(child[stream]!, 'data'), once(child, 'close')]);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!isOver) child.kill('SIGKILL');
      await ended.catch(() => undefined);
    },
  };
}
