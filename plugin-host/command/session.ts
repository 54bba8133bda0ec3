import { atLogLevel, type PluginLogLevel } from '../log-filter.ts';
import type { HostLogger } from '../log-relay.ts';
import { createTextLogger } from './logger.ts';

/** Where a command talks: results to stdout, everything else to stderr. */
export interface Session {
  readonly logger: HostLogger;
  /** Aborts when the user wants it to end, or when nobody reads its results any more. */
  readonly signal: AbortSignal;
  readonly isTerminal: boolean;
  /** Of a line, in characters; without an end where no terminal is. */
  readonly width: number;
  print(text: string): void;
  warn(text: string): void;
}

/** The session of this process. Disposing takes the listeners away. */
export function openSession(level: PluginLogLevel): Session & Disposable {
  const { stdout, stderr } = process;
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    // Who insists does not wait for what is being ended in order; what was started goes with this process.
    if (controller.signal.aborted) process.kill(process.pid, 'SIGKILL');
    controller.abort(new Error(`ended by ${signal}`));
  };
  const onError = (error: Error): void => controller.abort(error);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  // A reader that has gone, `head` for instance.
  stdout.on('error', onError);
  const talk = (line: string): void => void stderr.write(line);
  return {
    logger: atLogLevel(createTextLogger(talk), level),
    signal: controller.signal,
    isTerminal: stdout.isTTY,
    width: stdout.isTTY ? stdout.columns : Infinity,
    print: (text) => void stdout.write(text),
    warn: (text) => talk(`warn  ${text}\n`),
    [Symbol.dispose]: () => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
      stdout.off('error', onError);
    },
  };
}
