import type { z } from 'zod';

import type { EnvironmentVariables } from '../../plugin-protocol/environment.ts';
import type { BuildInfo } from '../build-info.ts';
import type { CommandInput } from './command-input.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Layout } from './layout.ts';

/** What a value on the command line may be, for the parser, the help and the completion. */
export interface ValueRow {
  /** As the help names it: `FILE`. */
  readonly name: string;
  readonly choices?: readonly string[];
  /** What completion offers in place of choices. */
  readonly path?: 'file' | 'directory';
}

export interface ArgumentRow extends ValueRow {
  readonly help: string;
  readonly required: boolean;
  /** Whether it takes all arguments that are left. */
  readonly many?: boolean;
}

export interface OptionRow {
  /** Without the dashes. */
  readonly name: string;
  readonly help: string;
  /** Absent: a switch. */
  readonly value?: ValueRow;
  readonly required?: boolean;
  readonly byDefault?: string;
}

export interface ExampleRow {
  readonly what: string;
  /** Everything behind the name of the program. */
  readonly line: string;
}

/** One command: the parser, the help, the completion, the manual and the reference page are made from this. */
export interface CommandRow {
  /** One word, or a group and a word: `config check`. */
  readonly name: string;
  /** Half a sentence, without a period. */
  readonly summary: string;
  /** Sentences. */
  readonly description: string;
  readonly arguments: readonly ArgumentRow[];
  /** Besides `--output` and `--help`, which all commands have. */
  readonly options: readonly OptionRow[];
  readonly examples: readonly ExampleRow[];
  /** Besides 0, 1 and 2, with which any command may end. */
  readonly exitCodes: readonly ExitCode[];
  /** What does it. Loaded when it is called for, since it may bring large libraries. */
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** What a command does and how it shows what came of it. */
export interface Command<Result = never> {
  /** The form of its JSON, published in docs/reference/schemas. */
  readonly result: z.ZodType;
  /** The same for people; ends with a line feed. */
  readonly text: (result: Result, layout: Layout) => string;
  /** Prints its result, or throws a `CommandError`. */
  readonly run: (input: CommandInput, context: CommandContext<Result>) => Promise<ExitCode>;
}

/** What a command may have of the process. */
export interface CommandContext<Result> {
  /** Puts a result on stdout, in the form that was asked for. */
  readonly print: (result: Result) => void;
  /** A line on stderr. */
  readonly talk: (text: string) => void;
  /** Aborted by Ctrl-C and SIGTERM: undo and return. */
  readonly signal: AbortSignal;
  /** How this program is started again: its file, and what must stand before the arguments. */
  readonly program: readonly [file: string, ...args: string[]];
  readonly buildInfo: BuildInfo;
  /** All commands. */
  readonly commands: readonly CommandRow[];
  readonly temporaryDirectory: string;
  /** What is left of the environment. */
  readonly variables: EnvironmentVariables;
  /** Events of the process; `exit` is told however it ends. */
  readonly on: (event: string, listener: (value: unknown) => void) => void;
}

/** Ties the form of a result to the functions that make and show it. */
export function defineCommand<Schema extends z.ZodType>(command: {
  readonly result: Schema;
  readonly text: (result: z.output<Schema>, layout: Layout) => string;
  readonly run: (input: CommandInput, context: CommandContext<z.output<Schema>>) => Promise<ExitCode>;
}): Command {
  return command as unknown as Command;
}
