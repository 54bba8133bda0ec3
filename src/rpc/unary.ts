import { randomUUID } from 'node:crypto';

import { type handleUnaryCall, type ServerUnaryCall, status } from '@grpc/grpc-js';

import { KeystoreError, type KeystoreErrorDetails } from '../keystore/errors.ts';
import type { CallTrace } from '../keystore/call.ts';
import { defectFields } from '../logging/defect-fields.ts';
import type { Logger } from '../logging/logger.ts';
import type { AuditSwitch } from './audit.ts';
import { readCorrelation } from './correlation.ts';
import { ERROR_TABLE } from './error-table.ts';
import { type Face, reasonOf, toStatus } from './status.ts';

/** What a handler knows of its call. */
export interface UnaryContext {
  /** Aborted with a `KeystoreError` when the caller goes away, its time is up, or the process stops. */
  readonly signal: AbortSignal;
  /** End of the call's time, on the clock of `performance.now()`. */
  readonly deadline: number;
  readonly trace: CallTrace;
  /** Id under which the call is found again, where audit records are written. */
  readonly correlationId?: string;
}

/** What all calls of a process share. */
export interface UnaryEnvironment {
  readonly log: Logger;
  /** Aborted when the process stops. */
  readonly stopSignal: AbortSignal;
  /** Whether audit records take the place of the calls' log lines; they do not where there is none. */
  readonly audit?: AuditSwitch;
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
  /** The key version that a response speaks of. */
  readonly keyVersion?: (response: NoInfer<Response>) => string | undefined;
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
    const trace: CallTrace = { openbaoRequestIds: [] };
    const correlation = environment.audit?.current && readCorrelation(call.metadata);
    let budgetMs: number;
    try {
      budgetMs = options.budgetMs();
    } catch (error) {
      settle(error);
      return;
    }
    const limit = limitCall(call, environment.stopSignal, started + budgetMs);

    run().then(
      (response) => {
        limit.done();
        record('debug', { code: status.OK, outcome: 'ok', keyVersion: options.keyVersion?.(response) });
        callback(null, response);
        options.release?.(call.request, response);
      },
      (error: unknown) => {
        limit.done();
        // The reason of the signal explains what it interrupted better than the interruption does.
        settle(limit.signal.aborted && !(error instanceof KeystoreError) ? limit.signal.reason : error);
      },
    );

    async function run(): Promise<Response> {
      limit.signal.throwIfAborted();
      const { deadline, signal } = limit;
      const correlationId = correlation?.correlationId;
      return options.handle(call.request, {
        signal,
        deadline,
        trace,
        ...(correlationId !== undefined && { correlationId }),
      });
    }

    function settle(error: unknown): void {
      callback(error instanceof KeystoreError ? failure(error) : defect(error));
      options.release?.(call.request);
    }

    function failure(error: KeystoreError): ReturnType<typeof toStatus> {
      const answer = toStatus(error, options.face);
      const more = detailFields(error.details);
      record(ERROR_TABLE[error.class].logLevel, {
        code: answer.code,
        outcome: error.class,
        reason: reasonOf(error),
        more,
      });
      return answer;
    }

    function defect(error: unknown): ReturnType<typeof toStatus> {
      const reference = randomUUID();
      const internal = new KeystoreError('internal', 'internal error');
      const answer = toStatus(internal, options.face, reference);
      const more = { reference, ...defectFields(error) };
      record('error', { code: answer.code, outcome: 'internal', reason: reasonOf(internal), more });
      return answer;
    }

    function record(
      level: 'debug' | 'info' | 'warn' | 'error',
      { code, keyVersion, more, outcome, reason }: Ending,
    ): void {
      const { rpc } = options;
      const durationMs = Math.round((performance.now() - started) * 1000) / 1000;
      const described = options.describe?.(call.request) ?? {};
      const audit = environment.audit?.current;
      if (audit === undefined) {
        const fields = { rpc, ...described, outcome, ...more, ...traceFields(trace), duration_ms: durationMs };
        environment.log[level](fields, 'call');
        return;
      }
      const { key_id: keyName, request_id: requestId, ...others } = described as DescribedCall;
      const fields = audit.record({
        rpc,
        outcome,
        code,
        reason,
        keyName,
        keyVersion,
        correlationId: requestId ?? correlation?.correlationId,
        traceId: correlation?.traceId,
        trace,
        durationMs,
        more: { ...others, ...more },
      });
      environment.log[audit.levelOf(level)](fields, 'audit');
    }
  };
}

/** How a call ended, for its one line. */
interface Ending {
  readonly code: status;
  readonly outcome: string;
  readonly reason?: string;
  readonly keyVersion?: string | undefined;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** What the fields of calls about keys are called. */
interface DescribedCall extends Record<string, unknown> {
  readonly key_id?: string;
  readonly request_id?: string;
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
