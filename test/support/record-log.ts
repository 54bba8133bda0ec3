import { createLogger, type Logger } from '../../src/logging/logger.ts';

/** The plugin's own logger at its lowest level, with its lines kept. */
export interface RecordedLog {
  readonly log: Logger;
  /** All that was logged so far, a line each. */
  readonly lines: readonly string[];
  /** The same, parsed; only those with the message, if one is given. */
  entries(message?: string): Readonly<Record<string, unknown>>[];
}

export function recordLog(): RecordedLog {
  let text = '';
  const log = createLogger({
    level: 'trace',
    write: (lines) => {
      text += lines;
    },
  });
  const recorded: RecordedLog = {
    log,
    get lines() {
      log.flush();
      return text.split('\n').filter((line) => line !== '');
    },
    entries: (message) =>
      recorded.lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((entry) => message === undefined || entry['@message'] === message),
  };
  return recorded;
}
