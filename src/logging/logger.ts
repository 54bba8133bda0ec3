import { pino } from 'pino';

import { formatHclogTimestamp, HCLOG_KEYS, type HclogLevel } from '../../plugin-protocol/hclog.ts';

import { createLineWriter } from './descriptor.ts';
import { cap, flatFields } from './flat-fields.ts';

const MODULE = 'keystoreop-openbao';
const STDERR = 2;
const MAX_MESSAGE_LENGTH = 4096;

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
 * A logger on stderr, or on `write`, which gets whole lines and must not throw. Every line has been written when the call
 * returns. The host filters, so `level` defaults to `trace`.
 */
export function createLogger(
  options: { level?: HclogLevel; write?: (line: string) => void } = {},
): Logger & { flush(): void } {
  const { level = 'trace', write = createLineWriter(STDERR) } = options;
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
    { write },
  );
  return Object.assign(withBindings(base, {}), { flush: () => base.flush() });
}

function withBindings(base: pino.Logger, bindings: Record<string, unknown>): Logger {
  const at = (level: HclogLevel): Log => {
    return (fields, message: unknown) => {
      // Wrapped, because pino turns an object that looks like a request or a response into something else.
      base[level]({ fields: { ...bindings, ...fields } }, cap(String(message), MAX_MESSAGE_LENGTH));
    };
  };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => withBindings(base, { ...bindings, ...fields }),
  };
}
