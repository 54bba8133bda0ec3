/** A unary method of a ts-proto (grpc-js) service definition. */
export interface UnaryMethod<Request, Response> {
  readonly path: string;
  readonly requestStream: false;
  readonly responseStream: false;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** A service definition as ts-proto generates it with `outputServices=grpc-js`. */
export type GeneratedService = Readonly<
  Record<string, { readonly path: string; readonly requestStream: boolean; readonly responseStream: boolean }>
>;

/** One service of a contract. */
export interface ServiceContract {
  readonly definition: GeneratedService;
  /** A plugin whose `Init` does not name a required service is refused. A service that is not required may be served unnamed. */
  readonly required: boolean;
}

/** What plugins of one type serve. The library knows no contract of its own; it is handed one per plugin. */
export interface PluginContract {
  /** The plugin type: name and value of the magic cookie (plugin-sdk's rule). */
  readonly type: string;
  /** Application protocol versions the host speaks. Default `[1]`. */
  readonly protocolVersions?: readonly number[];
  /** The services, under the names their typed clients get. */
  readonly services: Readonly<Record<string, ServiceContract>>;
}

/** Limits of one call. */
export interface CallOptions {
  /** Cancels the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Until the answer is here, waiting for a plugin that is not ready included. Default: the plugin's `callTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Whether to wait for a plugin that is starting or in back-off. Default: the plugin's `waitForReady`. */
  readonly waitForReady?: boolean;
}

type Call<Request, Response> = (request: Request, options?: CallOptions) => Promise<Response>;

/** The names of a service's unary methods. */
export type UnaryNames<Definition> = {
  [Method in keyof Definition]: Definition[Method] extends { requestStream: false; responseStream: false }
    ? Method
    : never;
}[keyof Definition];

/** A service's unary methods as functions that return promises. */
export type ServiceClient<Definition> = {
  readonly [Method in UnaryNames<Definition>]: Definition[Method] extends UnaryMethod<infer Request, infer Response>
    ? Call<Request, Response>
    : never;
};

/** The typed clients of a contract's services. */
export type PluginClient<Contract extends PluginContract> = {
  readonly [Name in keyof Contract['services']]: ServiceClient<Contract['services'][Name]['definition']>;
};

/** How a typed client makes its calls. */
export type Invoke = (
  method: UnaryMethod<unknown, unknown>,
  request: unknown,
  options: CallOptions | undefined,
) => Promise<unknown>;

export function createPluginClient<Contract extends PluginContract>(
  contract: Contract,
  invoke: Invoke,
): PluginClient<Contract> {
  const definitions = Object.entries(contract.services).map(([name, { definition }]) => [name, definition] as const);
  return createServiceClients(Object.fromEntries(definitions), invoke) as PluginClient<Contract>;
}

/** The typed clients of several services, under the names given. */
export function createServiceClients<Services extends Readonly<Record<string, GeneratedService>>>(
  services: Services,
  invoke: Invoke,
): { readonly [Name in keyof Services]: ServiceClient<Services[Name]> } {
  const clients = Object.entries(services).map(
    ([name, definition]) => [name, createServiceClient(definition, invoke)] as const,
  );
  return Object.freeze(Object.fromEntries(clients)) as ReturnType<typeof createServiceClients<Services>>;
}

function createServiceClient(definition: GeneratedService, invoke: Invoke): object {
  const methods = Object.entries(definition)
    .filter(([, method]) => !method.requestStream && !method.responseStream)
    .map(([name, method]) => {
      const unary = method as UnaryMethod<unknown, unknown>;
      return [name, (request: unknown, options?: CallOptions) => invoke(unary, request, options)] as const;
    });
  return Object.freeze(Object.fromEntries(methods));
}

/** The full name of a service, from the path of its first method. Empty when there is none. */
export function serviceName(definition: GeneratedService): string {
  return /^\/(.+)\/[^/]+$/.exec(Object.values(definition)[0]?.path ?? '')?.[1] ?? '';
}
