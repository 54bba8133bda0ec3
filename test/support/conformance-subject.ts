import type { ServiceError } from '@grpc/grpc-js';

import type { Outcome, Subject, UnaryMethod } from '../../keystore-contract/conformance/subject.ts';
import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import { type CallOptions, PluginCallError, type PluginClient } from '../../plugin-host/index.ts';
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

/** A plugin behind a host's typed clients. */
export function hostSubject(client: PluginClient<typeof keystoreContract>): Subject {
  const functions = new Map(
    Object.entries(keystoreContract.services).flatMap(([service, { definition }]) =>
      Object.entries<{ readonly path: string }>(definition).map(([name, { path }]) => {
        const typed = (client as unknown as Record<string, Record<string, Call>>)[service];
        return [path, typed?.[name]] as const;
      }),
    ),
  );
  return {
    async call<Request, Response>(
      method: UnaryMethod<Request, Response>,
      request: Request,
    ): Promise<Outcome<Response>> {
      const invoke = functions.get(method.path);
      if (invoke === undefined) throw new Error(`the host knows no ${method.path}`);
      try {
        return { response: (await invoke(request)) as Response };
      } catch (error) {
        if (!(error instanceof PluginCallError)) throw error;
        const { code, errorInfo, message } = error;
        return { code, message, ...(errorInfo && { errorInfo }) };
      }
    },
  };
}

type Call = (request: unknown, options?: CallOptions) => Promise<unknown>;

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
