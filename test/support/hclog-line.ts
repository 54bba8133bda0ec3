import { HCLOG_KEYS, HCLOG_LEVELS, HCLOG_LINE_LIMIT } from '../../plugin-protocol/hclog.ts';

const STRINGS = [HCLOG_KEYS.level, HCLOG_KEYS.message, HCLOG_KEYS.timestamp];
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[+-]\d\d:\d\d)$/;

/** @throws Error unless go-plugin's host takes the line for a log entry with a level, in one piece */
export function assertHclogLine(line: string): void {
  const refuse = (why: string): never => {
    throw new Error(`${why}: ${line.slice(0, 500)}`);
  };
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    refuse('not JSON');
  }
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return refuse('no object');
  const values = entry as Record<string, unknown>;
  if (!STRINGS.every((key) => typeof values[key] === 'string')) refuse('an @ key is no string');
  if (!HCLOG_LEVELS.some((level) => level === values[HCLOG_KEYS.level])) refuse('unknown level');
  if (!TIMESTAMP.test(String(values[HCLOG_KEYS.timestamp]))) refuse('not a timestamp of six fraction digits');
  if (Buffer.byteLength(line) >= HCLOG_LINE_LIMIT) refuse('too long');
}
