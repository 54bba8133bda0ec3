// What the process does before anything else is loaded: third-party modules read the environment and may print as soon
// as they are. Nothing but Node's own modules may be imported here.
import { Writable } from 'node:stream';

import type { EnvironmentVariables } from '../plugin-protocol/environment.ts';

/** Besides go-plugin's: where temporary files go, and how a terminal is written to. */
const KEPT = new Set(['TMPDIR', 'NO_COLOR', 'TERM']);
/** The one command that starts a process: itself, as a host would. */
const SELF_TEST = 'handshake';
const CONSOLE_METHODS_HEARD = new Set(['debug', 'error', 'info', 'log', 'warn']);

export interface DefendedProcess {
  /** The magic cookies (name and value are the same), go-plugin's variables and those of `KEPT`, none empty: all that is left. */
  readonly variables: EnvironmentVariables;
  /** Whoever prints to the console is heard here from now on; until then the text is dropped. */
  readonly onConsole: (listener: (text: string) => void) => void;
}

/** To be called once, first thing. Nobody but us reaches fd 1 and fd 2 afterwards. */
export function defendProcess(target: NodeJS.Process, console: object): DefendedProcess {
  refuseInspection(target);
  const variables = takeEnvironment(target.env);
  refuseChildren(target, variables);
  target.umask(0o077);
  const onConsole = silence(target, console);
  return { variables, onConsole };
}

/** A plain Node opens an inspector on SIGUSR1, and reports print the environment. */
function refuseInspection(target: NodeJS.Process): void {
  target.on('SIGUSR1', () => undefined);
  target.report.reportOnFatalError = false;
  target.report.reportOnSignal = false;
  target.report.reportOnUncaughtException = false;
}

/** With a magic cookie arguments mean nothing; in doubt whether it is one, the right to start processes is given up. */
function refuseChildren(target: NodeJS.Process, variables: EnvironmentVariables): void {
  const hasCookie = Object.entries(variables).some(([name, value]) => name === value);
  if (target.argv[2] === SELF_TEST && !hasCookie) return;
  const permission = (target as { permission?: { has(scope: string): boolean; drop?(scope: string): void } })
    .permission;
  if (permission?.has('child') === true) permission.drop?.('child');
}

function silence(target: NodeJS.Process, console: object): DefendedProcess['onConsole'] {
  let heard: (text: string) => void = () => undefined;
  for (const name of Object.keys(console)) {
    const method = CONSOLE_METHODS_HEARD.has(name)
      ? (...args: unknown[]): void => heard(args.filter(isPrimitive).map(String).join(' '))
      : (): void => undefined;
    if (typeof Reflect.get(console, name) === 'function') Reflect.set(console, name, method);
  }
  for (const name of ['stdout', 'stderr'] as const) {
    const dropped = new Writable({ write: (_chunk, _encoding, done) => done() });
    Object.defineProperty(target, name, { value: dropped, configurable: true, enumerable: true });
  }
  // Node's own listener prints plain text on fd 2.
  target.removeAllListeners('warning');
  return (listener) => {
    heard = listener;
  };
}

/** Objects are not printed: they may hold anything. */
function isPrimitive(value: unknown): boolean {
  return (typeof value !== 'object' || value === null) && typeof value !== 'function';
}

/** The host's whole environment is inherited: database secrets, proxies, switches of grpc-js and of others. */
function takeEnvironment(environment: NodeJS.ProcessEnv): EnvironmentVariables {
  const all = Object.entries(environment);
  for (const [name] of all) Reflect.deleteProperty(environment, name);
  const needed = ([name, value]: [string, string | undefined]): boolean =>
    value !== '' && (name === value || name.startsWith('PLUGIN_') || KEPT.has(name));
  return Object.fromEntries(all.filter(needed));
}
