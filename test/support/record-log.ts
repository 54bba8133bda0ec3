import { createLogger, type Logger } from '../../src/logging/logger.ts';

/** The plugin's own logger at its lowest level, with its lines kept. */
export interface RecordedLog {
  readonly log: Logger;
  /** The lines as they are written. */
  readonly lines: string[];
  /** The same, parsed; only those with the message, if one is given. */
  entries(message?: string): Readonly<Record<string, unknown>>[];
}

export function recordLog(): RecordedLog {
  const lines: string[] = [];
  return {
    lines,
    log: createLogger({ level: 'trace', write: (line) => lines.push(line) }),
    entries: (message) =>
      lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((entry) => message === undefined || entry['@message'] === message),
  };
}
