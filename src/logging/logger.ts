import { pino } from 'pino';

import { formatHclogTimestamp, HCLOG_KEYS, type HclogLevel } from '../../plugin-protocol/hclog.ts';

import { createLineWriter } from './descriptor.ts';
import { cap, flatFields } from './flat-fields.ts';
import { createLineBuffer, type LineBuffer } from './line-buffer.ts';

const MODULE = 'keystoreop-openbao';
const STDERR = 2;
const MAX_MESSAGE_LENGTH = 4096;

const URGENT: ReadonlySet<HclogLevel> = new Set(['warn', 'error']);

type Log = (fields: object, message: string) => void;

/** Writes one hclog line a call. Fields are flattened and capped (`flatFields`). */
export interface Logger {
  readonly trace: Log;
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
  /** A logger that adds these fields to each of its lines. */
  child(fields: Record<string, unknown>): Logger;
}

/**
 * A logger on stderr, or on `write`, which gets each line at once and must not throw. On stderr warnings and errors have
 * been written when the call returns; other lines wait for the end of the turn of the event loop, so that the lines of
 * many calls cost one write. `flush` before the process ends. The host filters, so `level` defaults to `trace`.
 */
export function createLogger(
  options: { level?: HclogLevel; write?: (line: string) => void } = {},
): Logger & { flush(): void } {
  const { level = 'trace', write } = options;
  const buffer = write ? { write, flush: () => undefined } : createLineBuffer(createLineWriter(STDERR));
  const base = pino(
    {
      level,
      base: { [HCLOG_KEYS.module]: MODULE },
      messageKey: HCLOG_KEYS.message,
      timestamp: () => `,"${HCLOG_KEYS.timestamp}":"${formatHclogTimestamp(new Date())}"`,
      formatters: {
        level: (label) => ({ [HCLOG_KEYS.level]: label === 'fatal' ? 'error' : label }),
        log: ({ fields }) => flatFields(fields as object),
      },
    },
    buffer,
  );
  return Object.assign(withBindings({ base, buffer }, {}), { flush: () => buffer.flush() });
}

interface Sink {
  readonly base: pino.Logger;
  readonly buffer: LineBuffer;
}

function withBindings(sink: Sink, bindings: Record<string, unknown>): Logger {
  const at = (level: HclogLevel): Log => {
    return (fields, message: unknown) => {
      // Wrapped, because pino turns an object that looks like a request or a response into something else.
      sink.base[level]({ fields: { ...bindings, ...fields } }, cap(String(message), MAX_MESSAGE_LENGTH));
      if (URGENT.has(level)) sink.buffer.flush();
    };
  };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => withBindings(sink, { ...bindings, ...fields }),
  };
}
