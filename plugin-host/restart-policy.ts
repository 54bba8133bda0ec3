import type { Clock } from './clock.ts';
import { PluginHostError, type PluginHostErrorCode } from './errors.ts';
import type { RestartLimits } from './limits.ts';

/** How far a delay is drawn to either side, so that plugins that fell together do not rise together. */
const JITTER = 0.2;

/** What is wrong with the file or the options, and would be wrong again. */
const LASTING = new Set<PluginHostErrorCode>([
  'ERR_OPTIONS',
  'ERR_PLUGIN_DIRECTORY',
  'ERR_EXECUTABLE_NOT_FOUND',
  'ERR_EXECUTABLE_OUTSIDE',
  'ERR_EXECUTABLE_UNSAFE',
  'ERR_CHECKSUM',
  'ERR_SERVICE_MISSING',
]);

/** When, and whether at all, a plugin is started again. */
export interface RestartPolicy {
  /**
   * Counts a fall. Answers the delay of the next start in ms, or the error with which the plugin has failed.
   *
   * @param error - why it fell
   * @param readyMs - for how long it had been ready; 0 for a start that failed
   */
  next(error: Error, readyMs: number): number | Error;
  /** Forgets what was. */
  reset(): void;
}

export function createRestartPolicy(plugin: string, limits: RestartLimits, clock: Clock): RestartPolicy {
  const { minBackoffMs, maxBackoffMs, stableAfterMs, maxRestarts, windowMs } = limits;
  let restarts: number[] = [];
  let inARow = 0;

  return {
    next(error, readyMs) {
      if (maxRestarts === 0 || isLasting(error)) return error;
      const now = clock.now();
      restarts = restarts.filter((at) => at > now - windowMs);
      if (restarts.length >= maxRestarts) return tooMany(plugin, limits, error);
      if (readyMs >= stableAfterMs) inARow = 0;
      const planned = Math.min(minBackoffMs * 2 ** inARow, maxBackoffMs);
      const delayMs = Math.min(planned * (1 + JITTER * (2 * clock.random() - 1)), maxBackoffMs);
      restarts.push(now);
      inARow += 1;
      return Math.round(delayMs);
    },
    reset() {
      restarts = [];
      inARow = 0;
    },
  };
}

function isLasting(error: Error): boolean {
  return error instanceof PluginHostError && LASTING.has(error.code);
}

function tooMany(plugin: string, { maxRestarts, windowMs }: RestartLimits, error: Error): PluginHostError {
  const known = error instanceof PluginHostError ? error.details : {};
  const times = maxRestarts === 1 ? 'restart' : 'restarts';
  return new PluginHostError(
    'ERR_RESTARTS',
    `plugin ${plugin} fell again after ${maxRestarts} ${times} within ${windowMs} ms: ${error.message}`,
    { ...known, plugin },
    { cause: error },
  );
}
