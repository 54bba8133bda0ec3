// One log entry a line on a plugin's stderr, in hclog's JSON form; the host reads it as log_entry.go does.

export type HclogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export const HCLOG_LEVELS: readonly HclogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

/** hclog's own keys. All values are strings: the reference host dies of any other type in the first three. */
export const HCLOG_KEYS = {
  level: '@level',
  message: '@message',
  timestamp: '@timestamp',
  module: '@module',
} as const;

/** From this length on (in bytes) the reference host cuts a line into pieces and loses its level. */
export const HCLOG_LINE_LIMIT = 64 * 1024;

export interface HclogEntry {
  readonly level: HclogLevel;
  readonly message: string;
  /** As the plugin wrote it, any number of fraction digits; absent when missing or no time. */
  readonly timestamp?: string;
  readonly module?: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** False for plain text and for JSON without an hclog level: `message` is then the whole line. */
  readonly structured: boolean;
}

const PREFIXES = HCLOG_LEVELS.map((level) => [`[${level.toUpperCase()}]`, level] as const);
const PANIC_PREFIXES = ['panic: ', 'fatal error: '];
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * A reader for the stderr of one plugin. It remembers that the plugin panicked: from then on plain text is an error.
 * More lenient than the reference host: no value makes it fail, and any number of fraction digits keeps the level.
 */
export function createHclogReader(): { read(line: string): HclogEntry } {
  let panicking = false;

  const readText = (line: string): HclogEntry => {
    const prefixed = PREFIXES.find(([prefix]) => line.startsWith(prefix))?.[1];
    if (prefixed !== undefined) return rawEntry(prefixed, line);
    if (PANIC_PREFIXES.some((prefix) => line.startsWith(prefix))) panicking = true;
    return rawEntry(panicking ? 'error' : 'debug', line);
  };

  return {
    read(line) {
      const text = line.replace(/\r?\n?$/, '');
      const values = parseObject(text);
      return values === undefined ? readText(text) : readObject(values, text);
    },
  };
}

/** `null` counts as an object without keys, as in Go. */
function parseObject(text: string): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (value === null) return {};
  return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

function readObject(values: Record<string, unknown>, text: string): HclogEntry {
  const {
    [HCLOG_KEYS.level]: rawLevel,
    [HCLOG_KEYS.message]: message,
    [HCLOG_KEYS.timestamp]: timestamp,
    [HCLOG_KEYS.module]: module,
    ...others
  } = values;
  const level = toLevel(rawLevel);
  if (level === undefined) return rawEntry('debug', text);
  return {
    level,
    message: typeof message === 'string' ? message : message === undefined ? '' : JSON.stringify(message),
    ...(typeof timestamp === 'string' && TIMESTAMP.test(timestamp) && { timestamp }),
    ...(typeof module === 'string' && { module }),
    fields: others,
    structured: true,
  };
}

function rawEntry(level: HclogLevel, message: string): HclogEntry {
  return { level, message, fields: {}, structured: false };
}

function toLevel(value: unknown): HclogLevel | undefined {
  if (typeof value !== 'string') return undefined;
  const name = value.trim().toLowerCase();
  return HCLOG_LEVELS.find((level) => level === name);
}

/** hclog's time format: exactly six fraction digits. With any other number the reference host loses the level. */
export function formatHclogTimestamp(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}
