import { defectFields } from '../logging/defect-fields.ts';
import { CommandError } from './command-error.ts';
import { COMMANDS } from './command-table.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-codes.ts';
import type { Interruption } from './interruption.ts';
import type { Layout } from './layout.ts';
import { type OutputForm, parseCommandLine } from './parser.ts';

/** What the tool needs of its process. */
export interface ToolOptions {
  /** Everything behind the name of the program. */
  readonly args: readonly string[];
  /** How results and help are set, and how errors are. */
  readonly layouts: { readonly stdout: Layout; readonly stderr: Layout };
  /** Throws the system error when nothing can be written. */
  readonly writeStdout: (text: string) => void;
  /** Never throws. */
  readonly writeStderr: (text: string) => void;
  readonly context: Omit<CommandContext<never>, 'commands' | 'print' | 'talk'>;
}

/**
 * One command line from its first word to its exit code. Nothing is thrown: what went wrong is told on stderr.
 *
 * @returns the exit code; one above 128 says by which signal it was interrupted
 */
export async function runTool(options: ToolOptions): Promise<number> {
  const { layouts, writeStderr } = options;
  const { signal } = options.context;
  try {
    return await obey(options);
  } catch (error) {
    if (isClosedPipe(error)) return EXIT.ok;
    if (signal.aborted) return interrupted(signal);
    const { exitCode, hint, message } = error instanceof CommandError ? error : defect(error);
    writeStderr(`${layouts.stderr.paint('red', 'error:')} ${message}\n`);
    if (hint !== undefined) writeStderr(`hint: ${hint}\n`);
    return exitCode;
  }
}

async function obey({ args, context, layouts, writeStderr, writeStdout }: ToolOptions): Promise<number> {
  const request = parseCommandLine(args, layouts.stdout);
  if (request.kind === 'help') {
    write(writeStdout, request.text);
    return EXIT.ok;
  }
  const { command } = await request.row.load();
  return command.run(request.input, {
    ...context,
    commands: COMMANDS,
    print: (result) =>
      write(
        writeStdout,
        render(request.output, result, () => command.text(result, layouts.stdout)),
      ),
    talk: (text) => writeStderr(`${text}\n`),
  });
}

function render(form: OutputForm, result: unknown, text: () => string): string {
  return form === 'json' ? `${JSON.stringify(result, null, 2)}\n` : text();
}

function write(writeStdout: (text: string) => void, text: string): void {
  try {
    writeStdout(text);
  } catch (error) {
    if (isClosedPipe(error)) throw error;
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    throw new CommandError(EXIT.unexpected, `the result cannot be written (${code})`);
  }
}

/** Whoever read the result has enough: `… | head -1`. */
function isClosedPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';
}

function interrupted({ reason }: AbortSignal): number {
  return (reason as Interruption).exitCode;
}

/** What an unforeseen error carries may be a secret: only its kind and its place are told. */
function defect(error: unknown): { exitCode: number; hint: string; message: string } {
  const fields = Object.values(defectFields(error)).filter((value) => typeof value === 'string');
  return { exitCode: EXIT.unexpected, message: fields.join('\n'), hint: 'this is a defect; please report it' };
}
