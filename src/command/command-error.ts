import type { ExitCode } from './exit-codes.ts';

/** Why a command ends without a result. The message is shown as it is: it holds names, never values of secrets. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  /** What to do about it, if there is anything to say. */
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}
