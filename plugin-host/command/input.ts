import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import { systemErrorCode } from '../errors.ts';
import { CommandError, EXIT_CODES } from './exit-codes.ts';

/** The text of a file that the user named. */
export async function readTextFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(EXIT_CODES.configuration, `${file} cannot be read: ${systemErrorCode(error)}`);
  }
}

/** The JSON in a file that the user named. */
export async function readJsonFile(file: string): Promise<object> {
  return toObject(await readTextFile(file), file, EXIT_CODES.configuration);
}

/** JSON as an argument, or as standard input when that is `-`: what others may not see in a list of processes. */
export async function readJsonArgument(argument: string): Promise<object> {
  const given = argument === '-' ? await text(process.stdin) : argument;
  return toObject(given, argument === '-' ? 'standard input' : 'the request', EXIT_CODES.usage);
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
