import { HCLOG_LEVELS, type HclogLevel } from '../plugin-protocol/hclog.ts';
import type { HostLogger } from './log-relay.ts';

/** The least level that is logged of a plugin. */
export type PluginLogLevel = HclogLevel | 'off';

/** From the least to none. */
export const PLUGIN_LOG_LEVELS: readonly PluginLogLevel[] = [...HCLOG_LEVELS, 'off'];

/** The logger without what is below the level. */
export function atLogLevel(logger: HostLogger, level: PluginLogLevel): HostLogger {
  if (level === 'trace') return logger;
  const least = PLUGIN_LOG_LEVELS.indexOf(level);
  const methods = HCLOG_LEVELS.map((each, rank) => {
    const log = (fields: object, message: string): void => logger[each](fields, message);
    return [each, rank < least ? (): void => undefined : log] as const;
  });
  return {
    ...(Object.fromEntries(methods) as Record<HclogLevel, HostLogger[HclogLevel]>),
    child: (fields) => atLogLevel(logger.child(fields), level),
  };
}
