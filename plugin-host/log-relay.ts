import { createHclogReader, type HclogLevel } from '../plugin-protocol/hclog.ts';
import type { OutputSink } from './launch/plugin-process.ts';
import { createLineSplitter } from './line-splitter.ts';

/** Where the host and, through it, its plugins log. Pino's loggers have this shape. */
export type HostLogger = Readonly<Record<HclogLevel, (fields: object, message: string) => void>> & {
  child(fields: Record<string, unknown>): HostLogger;
};

/** go-plugin's buffer: of a longer line only the beginning is relayed. */
const MAX_LINE_BYTES = 64 * 1024;
const LAST_LINES = 20;
const LAST_LINE_LENGTH = 500;

/** The way of a plugin's log lines into the host's log. */
export interface LogRelay {
  /** A sink for one stream: hclog lines keep their level, other text is debug, the text of a panic is error. */
  sink(stream: string): OutputSink;
  /** The last lines of all sinks, for the error that tells why a plugin is gone. */
  lastLines(): readonly string[];
}

export function createLogRelay(logger: HostLogger): LogRelay {
  const last: string[] = [];

  const remember = (line: string): void => {
    last.push(line.length > LAST_LINE_LENGTH ? `${line.slice(0, LAST_LINE_LENGTH)}…` : line);
    if (last.length > LAST_LINES) last.shift();
  };

  return {
    sink(stream) {
      const reader = createHclogReader();
      return createLineSplitter(MAX_LINE_BYTES, (line, truncated) => {
        if (line === '') return;
        remember(line);
        const { level, message, timestamp, module, fields } = reader.read(line);
        // The plugin's own fields stay under one key, so that they cannot pass for the host's.
        const entry = {
          stream,
          ...(timestamp !== undefined && { timestamp }),
          ...(module !== undefined && { module }),
          ...(Object.keys(fields).length > 0 && { fields }),
          ...(truncated && { truncated }),
        };
        logger[level](entry, message);
      });
    },
    lastLines: () => [...last],
  };
}
