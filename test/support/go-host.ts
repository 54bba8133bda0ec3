import type { Call, CallAnswer, HostLogEntry } from './go-answers.ts';
import { startGoProgram, type GoProgram } from './go-program.ts';
import type { GoPrograms } from './go.ts';

/** How go-plugin starts the plugin. */
export interface StartOptions {
  readonly path: string;
  readonly args?: readonly string[];
  /** Further entries `NAME=value`; the host's own variables win over them. */
  readonly env?: readonly string[];
  readonly skipHostEnv?: boolean;
  /** The plugin type: name and value of the magic cookie. */
  readonly type: string;
  /** Without AutoMTLS. */
  readonly plainText?: boolean;
  readonly multiplex?: boolean;
  /** Hex SHA-256 of the executable. */
  readonly checksum?: string;
  /** A plugin that runs already, in place of `path`: go-plugin's `ReattachConfig`. */
  readonly reattach?: object;
}

export interface StartResult {
  /** go-plugin's error; empty when the plugin runs. */
  readonly error: string;
  readonly pid: number;
  readonly address: string;
  /** From the start of the process to the handshake line. */
  readonly handshakeMs: number;
}

/** The Go program that runs one plugin at a time with go-plugin alone. */
export interface PlainHost extends GoProgram {
  start(options: StartOptions): Promise<StartResult>;
  call<Response = Record<string, unknown>>(call: Call): Promise<CallAnswer<Response>>;
  /** Offers a brokered listener; the error is empty as long as the broker's stream is open. */
  announce(brokerId: number): Promise<{ readonly error: string }>;
  log(): Promise<readonly HostLogEntry[]>;
  /** go-plugin's `Kill`: returns when the process is gone. */
  kill(): Promise<{ readonly ms: number }>;
}

/** Starts the program. `env` is its whole environment, which the plugin inherits unless `skipHostEnv` is set. */
export function startPlainHost(programs: GoPrograms, env: Record<string, string>): PlainHost {
  const program = startGoProgram(programs.host, ['-descriptors', programs.descriptors], env);
  return Object.assign(program, {
    start: (options: StartOptions) => program.send<StartResult>('start', options),
    call: <Response>(call: Call) => program.send<CallAnswer<Response>>('call', call),
    announce: (brokerId: number) => program.send<{ error: string }>('announce', { brokerId }),
    log: () => program.send<readonly HostLogEntry[]>('log'),
    kill: () => program.send<{ ms: number }>('kill'),
  });
}
