import type { Call, CallAnswer, LoadReport, ProcessSample } from '../test/support/go-answers.ts';
import { startGoProgram, type GoProgram } from '../test/support/go-program.ts';
import type { StartOptions } from '../test/support/go-host.ts';
import type { GoPrograms } from '../test/support/go.ts';

interface Run {
  readonly callers: number;
  readonly durationMs: number;
}

/** One request that is sent to OpenBao without the plugin. */
export interface DirectRequest {
  readonly url: string;
  readonly caFile: string;
  readonly token: string;
  readonly body: string;
}

export interface StartReport {
  /** From the start of the process to its handshake line. */
  readonly handshakeMs: number;
  /** From the start of the process to the answer of the last call. */
  readonly firstAnswerMs: number;
  readonly lastAnswer: CallAnswer;
  readonly process: ProcessSample;
}

export interface PluginReport extends LoadReport {
  readonly cpuMicrosPerCall: number;
}

/** The Go program that puts load on a plugin, as a go-plugin host, and on OpenBao itself. One command at a time. */
export interface LoadProgram extends GoProgram {
  /** Starts a plugin and makes the calls one after another; each must succeed. */
  start(plugin: StartOptions, calls: readonly Call[]): Promise<StartReport>;
  plugin(run: Run & Call): Promise<PluginReport>;
  direct(run: Run & DirectRequest): Promise<LoadReport>;
  sample(): Promise<ProcessSample>;
  stop(): Promise<{ readonly ms: number }>;
}

export function startLoadProgram(programs: GoPrograms, env: Record<string, string>): LoadProgram {
  const program = startGoProgram(programs.load, ['-descriptors', programs.descriptors], env);
  return Object.assign(program, {
    start: (plugin: StartOptions, calls: readonly Call[]) => program.send<StartReport>('start', { plugin, calls }),
    plugin: (run: Run & Call) => program.send<PluginReport>('plugin', run),
    direct: (run: Run & DirectRequest) => program.send<LoadReport>('direct', run),
    sample: () => program.send<ProcessSample>('sample'),
    stop: () => program.send<{ readonly ms: number }>('stop'),
  });
}
