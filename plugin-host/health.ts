import { status } from '@grpc/grpc-js';

import { HEALTH_SERVICE_NAME, HealthService } from '../plugin-protocol/services.ts';
import { HealthCheckResponse_ServingStatus as ServingStatus } from '../proto/gen/grpc/health/v1/health.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { PluginCallError, PluginHostError } from './errors.ts';
import type { HealthLimits } from './limits.ts';

const STATUS_NAMES = new Map<number, string>(Object.entries(ServingStatus).map(([name, value]) => [value, name]));

/**
 * Asks a plugin for its health, as CMK does. A plugin without a health service is healthy. Rejects with `ERR_UNHEALTHY`,
 * with the reason of the connection's end, or with that of the signal.
 */
export async function checkHealth(connection: Connection, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  try {
    const answer = await connection.unary(HealthService.check, { service: HEALTH_SERVICE_NAME }, { deadline, signal });
    if (answer.status === ServingStatus.SERVING) return;
    throw unhealthy(`answered ${STATUS_NAMES.get(answer.status) ?? 'an unknown status'}`);
  } catch (error) {
    if (!(error instanceof PluginCallError)) throw error;
    if (error.code === status.UNIMPLEMENTED) return;
    throw unhealthy(`failed: ${error.status}: ${error.message.slice(0, 500)}`);
  }
}

function unhealthy(what: string): PluginHostError {
  return new PluginHostError('ERR_UNHEALTHY', `the health check ${what}`);
}

/** One health check of a plugin that serves. */
export interface HealthResult {
  readonly healthy: boolean;
  /** Failed checks in a row, this one included. */
  readonly failures: number;
  /** Why it failed. */
  readonly error?: Error;
}

/**
 * Checks a plugin at intervals until the returned function is called; that ends a check under way, too. After so many
 * failures in a row as the limits say it checks no more.
 */
export function watchHealth(options: {
  readonly check: (timeoutMs: number, signal: AbortSignal) => Promise<void>;
  readonly limits: HealthLimits;
  readonly clock: Clock;
  readonly onResult: (result: HealthResult) => void;
  /** Called once, with an error that tells of the last check. */
  readonly onUnhealthy: (error: Error) => void;
}): () => void {
  const { check, limits, clock, onResult, onUnhealthy } = options;
  const stop = new AbortController();
  let cancel: () => void = () => undefined;
  let failures = 0;

  const judge = (error?: Error): void => {
    if (stop.signal.aborted) return;
    failures = error === undefined ? 0 : failures + 1;
    onResult({ healthy: error === undefined, failures, ...(error && { error }) });
    if (error !== undefined && failures >= limits.failures) onUnhealthy(error);
    else next();
  };
  const next = (): void => {
    cancel = clock.schedule(limits.intervalMs, () => {
      check(limits.timeoutMs, stop.signal).then(() => judge(), judge);
    });
  };
  next();
  return () => {
    stop.abort();
    cancel();
  };
}
