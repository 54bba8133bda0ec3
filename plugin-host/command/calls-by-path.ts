import type { CallOptions, PluginClient, PluginContract } from '../contract.ts';

type Call = (request: unknown, options?: CallOptions) => Promise<unknown>;

/** The functions of a contract's typed clients by the paths of their methods, for callers to whom a method is data. */
export function callsByPath<Contract extends PluginContract>(
  { services }: Contract,
  client: PluginClient<Contract>,
): ReadonlyMap<string, Call> {
  const clients = client as unknown as Readonly<Record<string, Readonly<Record<string, Call>>>>;
  return new Map(
    Object.entries(services).flatMap(([service, { definition }]) =>
      Object.entries(definition).flatMap(([name, { path }]) => {
        const call = clients[service]?.[name];
        return call ? [[path, call] as const] : [];
      }),
    ),
  );
}
