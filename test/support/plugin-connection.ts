import {
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ServiceError,
} from '@grpc/grpc-js';

import { parseStatusDetails, STATUS_DETAILS_KEY } from '../../plugin-protocol/status-details.ts';

/** A certificate with its key, both PEM. */
export interface HostIdentity {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** What a call was refused with. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  /** `ErrorInfo.reason` and its metadata, when the status has details. */
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The part of a generated method definition that a client needs. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** One connection to a plugin, as a host holds it. */
export interface PluginConnection {
  /** For streams. */
  readonly client: Client;
  /** One unary call. Rejects with grpc-js's own error. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options?: Partial<CallOptions>,
  ): Promise<Response>;
  /** One unary call that must fail. Rejects when it does not. */
  refusal<Request>(method: Method<Request, unknown>, request: Request): Promise<Refusal>;
  disconnect(): void;
}

const CALL_TIMEOUT_MS = 20_000;

/** Connects with the first call. Trusts one certificate and shows `own`, or none. */
export function connectPlugin(
  { socketPath, certificatePem }: { socketPath: string; certificatePem: string },
  own?: HostIdentity,
): PluginConnection {
  return connectSocket(
    socketPath,
    credentials.createSsl(
      Buffer.from(certificatePem),
      own === undefined ? null : Buffer.from(own.privateKeyPem),
      own === undefined ? null : Buffer.from(own.certificatePem),
    ),
  );
}

/** Connects with the first call, without TLS unless there are credentials. */
export function connectSocket(
  socketPath: string,
  channelCredentials: ChannelCredentials = credentials.createInsecure(),
): PluginConnection {
  const client = new Client(`unix:${socketPath}`, channelCredentials, {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const connection: PluginConnection = {
    client,
    call: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          new Metadata(),
          { deadline: Date.now() + CALL_TIMEOUT_MS, ...options },
          (error, response) => {
            if (error === null) resolve(response!);
            else reject(error);
          },
        );
      }),
    refusal: (method, request) =>
      connection.call(method, request).then(
        () => {
          throw new Error(`${method.path} was not refused`);
        },
        (error: unknown) => toRefusal(error as ServiceError),
      ),
    disconnect: () => client.close(),
  };
  return connection;
}

/** A method called with bytes of the caller's making. */
export function rawMethod(path: string): Method<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return { path, requestSerialize: same, responseDeserialize: same };
}

function toRefusal(error: ServiceError): Refusal {
  const [bytes] = error.metadata.get(STATUS_DETAILS_KEY);
  const info = Buffer.isBuffer(bytes) ? parseStatusDetails(bytes)?.errorInfo : undefined;
  return {
    code: error.code,
    message: error.details,
    ...(info && { reason: info.reason, metadata: info.metadata }),
  };
}
