import { type ServiceError, status } from '@grpc/grpc-js';

import { parseStatusDetails, STATUS_DETAILS_KEY } from '../plugin-protocol/status-details.ts';
import { PluginCallError } from './errors.ts';

/** A call as its error tells of it. `deadline` is in ms since the epoch. */
interface FailedCall {
  readonly plugin: string;
  readonly method: string;
  readonly deadline: number;
}

/** The error of a call from what grpc-js made of its end; `null` stands for an end without status and answer. */
export function toCallError(error: ServiceError | null, { plugin, method, deadline }: FailedCall): PluginCallError {
  const code = error?.code ?? status.INTERNAL;
  const bytes = error?.metadata.get(STATUS_DETAILS_KEY)[0];
  const details = Buffer.isBuffer(bytes) ? parseStatusDetails(bytes) : undefined;
  // A plugin in Go ends a call at its deadline as well, by a reset that may come before grpc-js has looked at the time.
  const isLate = code === status.CANCELLED && Date.now() >= deadline;
  const told = isLate ? status.DEADLINE_EXCEEDED : code;
  return new PluginCallError({
    code: told,
    status: status[told],
    message: isLate ? 'the time of the call is over' : (error?.details ?? 'the call ended without an answer'),
    plugin,
    method,
    ...(details?.errorInfo && { errorInfo: details.errorInfo }),
    ...(details?.retryDelayMs !== undefined && { retryDelayMs: details.retryDelayMs }),
  });
}
