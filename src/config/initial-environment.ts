import { readFileSync } from 'node:fs';

/**
 * The environment that the process was started with, for `env` sources in development. The process drops its inherited
 * variables at start and keeps no copy; Linux still shows them. Elsewhere there is none to be had.
 */
export function initialEnvironment(): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync('/proc/self/environ', 'utf8');
  } catch {
    return {};
  }
  return Object.fromEntries(
    text.split('\0').flatMap((entry) => {
      const separator = entry.indexOf('=');
      return separator < 1 ? [] : [[entry.slice(0, separator), entry.slice(separator + 1)]];
    }),
  );
}
