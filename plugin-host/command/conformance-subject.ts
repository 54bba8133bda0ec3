import type { Outcome, Subject, UnaryMethod } from '../../keystore-contract/conformance/subject.ts';
import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import type { PluginClient } from '../contract.ts';
import { PluginCallError } from '../errors.ts';
import { callsByPath } from './calls-by-path.ts';

/** A keystore plugin behind a host's typed clients, as the conformance cases see it. */
export function hostSubject(client: PluginClient<typeof keystoreContract>): Subject {
  const calls = callsByPath(keystoreContract, client);
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
