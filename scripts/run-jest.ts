import { spawn } from 'node:child_process';
import { endReport, report } from './report.ts';

/** A building Go toolchain is silent for minutes; nothing else should be. */
const SILENCE_MS = 600_000;
/** Once all results are there, what still runs is something that a test left open. */
const GRACE_MS = 30_000;

/**
 * Runs jest on this terminal and resolves with its exit code. A run that hangs, in a test or after the last one, is ended
 * and has failed; test/support/summary-reporter.cjs sends the messages that tell.
 */
export function runJest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  endReport();
  const jest = spawn(process.execPath, ['node_modules/jest/bin/jest.js', ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env,
  });
  const giveUp = (why: string): void => {
    report(why);
    jest.kill('SIGKILL');
  };
  let timer: NodeJS.Timeout | undefined;
  const watch = (ms: number, why: string): void => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, ms, why);
  };
  watch(SILENCE_MS, 'jest did not begin');
  jest.on('message', (message) => {
    if (message === 'complete') watch(GRACE_MS, 'jest does not end: a test has left something open');
    else watch(SILENCE_MS, `no test has ended for ${SILENCE_MS / 60_000} minutes, jest is ended`);
  });
  jest.once('error', reject);
  jest.once('exit', (code) => {
    clearTimeout(timer);
    resolve(code ?? 1);
  });
  return promise;
}
