import { randomUUID } from 'node:crypto';

import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';

import { KeystoreError, type KeystoreErrorDetails } from '../keystore/errors.ts';
import type { CallTrace } from '../keystore/call.ts';
import { defectFields } from '../logging/defect-fields.ts';
import type { Logger } from '../logging/logger.ts';
import { ERROR_TABLE } from './error-table.ts';
import { type Face, toStatus } from './status.ts';

/** What a handler knows of its call. */
export interface UnaryContext {
  /** Aborted with a `KeystoreError` when the caller goes away, its time is up, or the process stops. */
  readonly signal: AbortSignal;
  /** End of the call's time, on the clock of `performance.now()`. */
  readonly deadline: number;
  readonly trace: CallTrace;
}

/** What all calls of a process share. */
export interface UnaryEnvironment {
  readonly log: Logger;
  /** Aborted when the process stops. */
  readonly stopSignal: AbortSignal;
}

/** How one method is served. */
export interface UnaryOptions<Request, Response> {
  /** Name in the log. */
  readonly rpc: string;
  readonly face: Face;
  /** Upper limit of the call's time, in milliseconds, read when the call comes; Infinity for none. */
  readonly budgetMs: () => number;
  /** Fields of the log line that the request gives. */
  readonly describe?: (request: NoInfer<Request>) => Record<string, unknown>;
  readonly handle: (request: Request, context: UnaryContext) => Promise<Response>;
  /** Called at the end of every call, once the response, if there is one, has been serialised: wipes what may not outlive it. */
  readonly release?: (request: NoInfer<Request>, response?: NoInfer<Response>) => void;
}

/**
 * The one way from a promise to grpc-js's callback. grpc-js does not catch a handler that rejects, and sends the message
 * of a plain error to the caller as it stands; here every failure becomes a status of the table and one log line.
 */
export function unary<Request, Response>(
  environment: UnaryEnvironment,
  options: UnaryOptions<Request, Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const started = performance.now();
    let budgetMs: number;
    try {
      budgetMs = options.budgetMs();
    } catch (error) {
      settle(error);
      return;
    }
    const limit = limitCall(call, environment.stopSignal, started + budgetMs);
    const trace: CallTrace = { openbaoRequestIds: [] };

    run().then(
      (response) => {
        limit.done();
        record('debug', { outcome: 'ok', ...traceFields(trace) });
        callback(null, response);
        options.release?.(call.request, response);
      },
      (error: unknown) => {
        limit.done();
        // The reason of the signal explains what it interrupted better than the interruption does.
        settle(limit.signal.aborted && !(error instanceof KeystoreError) ? limit.signal.reason : error, trace);
      },
    );

    async function run(): Promise<Response> {
      limit.signal.throwIfAborted();
      return options.handle(call.request, { signal: limit.signal, deadline: limit.deadline, trace });
    }

    function settle(error: unknown, calls: CallTrace = { openbaoRequestIds: [] }): void {
      callback(error instanceof KeystoreError ? failure(error, calls) : defect(error));
      options.release?.(call.request);
    }

    function failure(error: KeystoreError, calls: CallTrace): ReturnType<typeof toStatus> {
      const fields = { outcome: error.class, ...detailFields(error.details), ...traceFields(calls) };
      record(ERROR_TABLE[error.class].logLevel, fields);
      return toStatus(error, options.face);
    }

    function defect(error: unknown): ReturnType<typeof toStatus> {
      const reference = randomUUID();
      record('error', { outcome: 'internal', reference, ...defectFields(error) });
      return toStatus(new KeystoreError('internal', 'internal error'), options.face, reference);
    }

    function record(level: 'debug' | 'info' | 'warn' | 'error', fields: Record<string, unknown>): void {
      const duration = Math.round((performance.now() - started) * 1000) / 1000;
      const described = options.describe?.(call.request) ?? {};
      environment.log[level]({ rpc: options.rpc, ...described, ...fields, duration_ms: duration }, 'call');
    }
  };
}

function detailFields(details: KeystoreErrorDetails): Record<string, unknown> {
  return {
    http_status: details.httpStatus,
    path: details.policyPath,
    capability: details.capability,
    fields: details.fields?.join(' '),
    retry_after_ms: details.retryAfterMs,
    cause: details.cause,
    source: details.source,
  };
}

function traceFields({ openbaoRequestIds }: CallTrace): Record<string, unknown> {
  return openbaoRequestIds.length === 0 ? {} : { openbao_request_id: openbaoRequestIds.join(' ') };
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const DEADLINE_SLACK_MS = 20;

// One controller per call for its three ends: time, the caller, the process.
function limitCall(
  call: ServerUnaryCall<unknown, unknown>,
  stopSignal: AbortSignal,
  budgetEnd: number,
): { readonly signal: AbortSignal; readonly deadline: number; done(): void } {
  const controller = new AbortController();
  const abort = (errorClass: 'deadline-exceeded' | 'cancelled' | 'stopping', message: string) => (): void => {
    controller.abort(new KeystoreError(errorClass, message));
  };
  const deadline = Math.min(callersDeadline(call), budgetEnd);
  const onStop = abort('stopping', 'the plugin is stopping');
  const onGone = abort('cancelled', 'the caller went away');
  const onTime = abort('deadline-exceeded', 'the call took too long');
  // At its deadline a caller cancels, and that may be seen first.
  const onCancel = (): void => (performance.now() + DEADLINE_SLACK_MS < deadline ? onGone() : onTime());

  const timer = Number.isFinite(deadline)
    ? setTimeout(onTime, Math.min(MAX_TIMER_MS, Math.max(0, deadline - performance.now())))
    : undefined;
  if (stopSignal.aborted) onStop();
  stopSignal.addEventListener('abort', onStop);
  call.on('cancelled', onCancel);
  return {
    signal: controller.signal,
    deadline,
    done() {
      clearTimeout(timer);
      stopSignal.removeEventListener('abort', onStop);
      call.removeListener('cancelled', onCancel);
    },
  };
}

// grpc-js gives wall-clock time; the rest of the process counts on the clock that never jumps.
function callersDeadline(call: ServerUnaryCall<unknown, unknown>): number {
  const deadline = call.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  return at - Date.now() + performance.now();
}
