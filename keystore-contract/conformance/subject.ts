import type { status } from '@grpc/grpc-js';

import type { ErrorInfoDetail } from '../../plugin-protocol/status-details.ts';

/** The part of a generated method definition that a call needs. */
export interface UnaryMethod<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** How a call ended that did not succeed. */
export interface Refusal {
  readonly code: status;
  readonly message: string;
  /** The `google.rpc.ErrorInfo` of the status details, if there is one. */
  readonly errorInfo?: ErrorInfoDetail;
}

/** How a call ended. */
export type Outcome<Response> = { readonly response: Response } | Refusal;

/**
 * A configured keystore plugin, whatever lies between. A call that gets no answer ends with a status of the caller's own
 * (DEADLINE_EXCEEDED, UNAVAILABLE); a rejection is a fault of the subject's, not of the plugin.
 */
export interface Subject {
  call<Request, Response>(method: UnaryMethod<Request, Response>, request: Request): Promise<Outcome<Response>>;
}
