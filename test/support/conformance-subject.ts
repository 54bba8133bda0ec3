import type { ServiceError } from '@grpc/grpc-js';

import type { Outcome, Subject } from '../../keystore-contract/conformance/subject.ts';
import { parseStatusDetails, STATUS_DETAILS_KEY } from '../../plugin-protocol/status-details.ts';
import type { PluginConnection } from './plugin-connection.ts';

/** A plugin behind a connection of our own. */
export function connectionSubject({ call }: Pick<PluginConnection, 'call'>): Subject {
  return {
    call: (method, request) =>
      call(method, request).then(
        (response) => ({ response }),
        (error: unknown) => toOutcome(error as ServiceError),
      ),
  };
}

function toOutcome({ code, details, metadata }: ServiceError): Outcome<never> {
  const [bytes] = metadata.get(STATUS_DETAILS_KEY);
  const embedded = Buffer.isBuffer(bytes) ? parseStatusDetails(bytes) : undefined;
  // What grpc-go makes of a plugin whose details say something else than its status.
  const answered: number = code;
  if (embedded !== undefined && (embedded.code !== answered || embedded.message !== details)) {
    throw new Error('the status details do not repeat the status');
  }
  return { code, message: details, ...(embedded?.errorInfo && { errorInfo: embedded.errorInfo }) };
}
