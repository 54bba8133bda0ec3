import { execFile, spawn } from 'node:child_process';
import { endReport } from './report.ts';

/** Runs a program and returns what it wrote to standard output; its words on standard error make the failure. */
export function capture(file: string, args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(file, args, { ...options, encoding: 'utf8', maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${file} ${args[0] ?? ''}: ${stderr.trim() || error.message}`, { cause: error }));
  });
  return promise;
}

/** Runs a program on this terminal and resolves with its exit code, 128 and more for a signal. */
export function runHere(file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  endReport();
  const child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  child.once('error', reject);
  child.once('exit', (code) => resolve(code ?? 128));
  return promise;
}

/** Whether a program of this name is on the PATH and answers `args`. */
export async function isThere(program: string, ...args: string[]): Promise<boolean> {
  return capture(program, args).then(
    () => true,
    () => false,
  );
}
