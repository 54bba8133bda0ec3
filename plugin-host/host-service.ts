import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServiceDefinition,
  status,
  type StatusObject,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

import { serviceName, type UnaryMethod, type UnaryNames } from './contract.ts';
import type { HostLogger } from './log-relay.ts';

/** One call of a plugin, as the handler of a host's service sees it. */
export interface HostCall {
  /** The name of the plugin that calls. */
  readonly plugin: string;
  /** Its process. */
  readonly generation: number;
  /** Aborts when the plugin no longer waits for the answer: cancelled, out of time, closed or gone. */
  readonly signal: AbortSignal;
}

/**
 * The unary methods of a service as functions. What a handler throws or rejects with is answered with its gRPC status when
 * it has a `code` and `details` (grpc-js's `StatusObject`), and otherwise with INTERNAL and nothing of its text.
 */
export type ServiceHandlers<Definition> = {
  readonly [Method in UnaryNames<Definition>]: Definition[Method] extends UnaryMethod<infer Request, infer Response>
    ? (request: Request, call: HostCall) => Response | Promise<Response>
    : never;
};

/** A service that a host serves to a plugin, made by {@link hostService}. */
export interface HostService {
  readonly definition: ServiceDefinition;
  readonly handlers: Readonly<Record<string, (request: never, call: HostCall) => unknown>>;
}

/**
 * A definition, as ts-proto generates it with `outputServices=grpc-js`, with its handlers: for the `hostServices` of a plugin's options and for `accept`. Streaming methods are
 * answered with UNIMPLEMENTED.
 */
export function hostService<const Definition extends ServiceDefinition>(
  definition: Definition,
  handlers: ServiceHandlers<Definition>,
): HostService {
  return { definition, handlers };
}

/** What is wrong with a value that ought to be a list of host services. */
export function hostServicesProblem(services: unknown): string | undefined {
  if (!Array.isArray(services)) return 'must be a list of host services';
  const names = services.map(nameOf);
  if (names.includes('')) return 'must be made by hostService, with a handler for every unary method';
  return new Set(names).size === names.length ? undefined : 'must not name a service twice';
}

function nameOf(service: unknown): string {
  const { definition, handlers } = (service ?? {}) as Partial<HostService>;
  if (!definition || !handlers) return '';
  const isHandled = unaryNames(definition).every((name) => typeof handlers[name] === 'function');
  return isHandled ? serviceName(definition) : '';
}

/** The service as grpc-js serves it to one process of a plugin. */
export function toImplementation(
  { definition, handlers }: HostService,
  { plugin, generation, logger }: { plugin: string; generation: number; logger: HostLogger },
): UntypedServiceImplementation {
  const methods = unaryNames(definition).map((name) => {
    const handler = handlers[name] as (request: unknown, call: HostCall) => unknown;
    const serve = (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>): void => {
      const cancelled = new AbortController();
      call.once('cancelled', () => cancelled.abort(new Error('the plugin no longer waits for the answer')));
      const answer = new Promise((resolve) => {
        resolve(Reflect.apply(handler, handlers, [call.request, { plugin, generation, signal: cancelled.signal }]));
      });
      answer.then(
        (response) => callback(null, response),
        (error: unknown) => {
          if (!isStatus(error)) logger.error({ method: call.getPath(), ...traceOf(error) }, 'a host service failed');
          // Code and text only: an error of a call of the host's own carries what its backend sent along.
          callback(
            isStatus(error)
              ? { code: error.code, details: error.details }
              : { code: status.INTERNAL, details: 'the host service failed' },
          );
        },
      );
    };
    return [name, serve] as const;
  });
  return Object.fromEntries(methods);
}

function unaryNames(definition: ServiceDefinition): string[] {
  return Object.entries(definition)
    .filter(([, { requestStream, responseStream }]) => !requestStream && !responseStream)
    .map(([name]) => name);
}

function isStatus(error: unknown): error is Pick<StatusObject, 'code' | 'details'> {
  const { code, details } = (error ?? {}) as Partial<StatusObject>;
  return typeof code === 'number' && code !== status.OK && code in status && typeof details === 'string';
}

/** Its kind and its places; the text may hold what nobody wants in a log. */
function traceOf(error: unknown): object {
  if (!(error instanceof Error)) return { kind: typeof error };
  return { kind: error.name, at: error.stack?.match(/^ +at .*$/gm)?.slice(0, 5) };
}
