import { HCLOG_LEVELS, type HclogLevel } from '../../plugin-protocol/hclog.ts';
import { printable } from './printable.ts';
import type { HostLogger } from '../log-relay.ts';

/** A logger for people: level, plugin, text, and the other fields as JSON. */
export function createTextLogger(write: (line: string) => void, inherited: object = {}): HostLogger {
  const methods = HCLOG_LEVELS.map((level) => {
    const log = (fields: object, message: string): void => {
      const { plugin, ...others } = { ...inherited, ...fields } as { plugin?: unknown };
      const who = typeof plugin === 'string' ? `${plugin}: ` : '';
      const more = Object.keys(others).length > 0 ? ` ${JSON.stringify(others)}` : '';
      write(`${printable(`${level.padEnd(5)} ${who}${message}${more}`)}\n`);
    };
    return [level, log] as const;
  });
  return {
    ...(Object.fromEntries(methods) as Record<HclogLevel, HostLogger[HclogLevel]>),
    child: (fields) => createTextLogger(write, { ...inherited, ...fields }),
  };
}
