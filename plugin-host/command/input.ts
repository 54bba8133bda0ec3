import { text } from 'node:stream/consumers';

import { systemErrorCode } from '../errors.ts';
import { readRegularFile } from '../regular-file.ts';
import { unlessAborted } from '../wait.ts';
import { CommandError, EXIT_CODES } from './exit-codes.ts';

const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The text of a file that the user named. */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readRegularFile(file, MAX_FILE_BYTES);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The error for a file that the user named and that cannot be read. */
export function unreadable(file: string, error: unknown): CommandError {
  return new CommandError(EXIT_CODES.configuration, `${file} cannot be read: ${systemErrorCode(error)}`);
}

/** The JSON in a file that the user named. */
export async function readJsonFile(file: string): Promise<object> {
  return toObject(await readTextFile(file), file, EXIT_CODES.configuration);
}

/** JSON as an argument, or as standard input when that is `-`: what others may not see in a list of processes. */
export async function readJsonArgument(argument: string, signal: AbortSignal): Promise<object> {
  if (argument !== '-') return toObject(argument, 'the request', EXIT_CODES.usage);
  const { stdin } = process;
  try {
    return toObject(await unlessAborted(text(stdin), signal), 'standard input', EXIT_CODES.usage);
  } finally {
    stdin.destroy();
  }
}

/** The parser's messages quote the text, which may be a secret. */
function toObject(json: string, source: string, code: (typeof EXIT_CODES)['usage' | 'configuration']): object {
  try {
    const value = JSON.parse(json) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw new CommandError(code, `${source} is no JSON object`);
}
