import type { Outcome, Subject, UnaryMethod } from '../../keystore-contract/conformance/subject.ts';
import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import type { CallOptions, PluginClient } from '../contract.ts';
import { PluginCallError } from '../errors.ts';

type Call = (request: unknown, options?: CallOptions) => Promise<unknown>;

/** A keystore plugin behind a host's typed clients, as the conformance cases see it. */
export function hostSubject(client: PluginClient<typeof keystoreContract>): Subject {
  const calls = new Map(
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
      const invoke = calls.get(method.path);
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
