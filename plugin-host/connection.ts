import { Client, type ClientOptions, connectivityState, credentials, Metadata, status } from '@grpc/grpc-js';

import { certificatePemFromDer, type OneTimeCertificate } from '../plugin-protocol/certificate.ts';
import type { NetworkAddress } from '../plugin-protocol/handshake.ts';
import { HealthService } from '../plugin-protocol/services.ts';
import { toCallError } from './call-error.ts';
import type { UnaryMethod } from './contract.ts';
import { PluginCallError, PluginHostError } from './errors.ts';
import { settlesWithin } from './wait.ts';

/** How long the end of a process may be known after the end of its connection. */
const EXIT_AFTER_DISCONNECT_MS = 500;

/** For the call that is told why there is no connection; grpc-js tells it at once. */
const OPEN_REASON_MS = 1000;

/** What grpc-js reports when the connection broke under a call. */
const BROKEN = new Set<status>([status.UNAVAILABLE, status.INTERNAL, status.CANCELLED, status.UNKNOWN]);

const CHANNEL_OPTIONS: ClientOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A repeated call is the caller's decision. No keepalive either: Go plugins answer pings with GOAWAY.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_channelz': 0,
};

/** A certificate names `localhost`, never an address, and no proxy stands between a host and its plugin. */
const TCP_OPTIONS: ClientOptions = {
  'grpc.ssl_target_name_override': 'localhost',
  'grpc.default_authority': 'localhost',
  'grpc.enable_http_proxy': 0,
};

/** Where a plugin serves, and the certificate it serves with. */
export interface Endpoint extends NetworkAddress {
  readonly certificateDer: Buffer;
}

/** A channel to a plugin process: the main one, or one that was brokered. */
export class Connection {
  readonly client: Client;
  readonly #plugin: string;
  /** How to end each call in flight. */
  readonly #pending = new Set<(reason: Error) => void>();
  #idle: PromiseWithResolvers<undefined> | undefined;
  #ended: Error | undefined;

  /** Trusts the announced certificate and nothing else. Connects with the first call. */
  constructor(
    plugin: string,
    { network, address, certificateDer }: Endpoint,
    own: OneTimeCertificate,
    more: ClientOptions = {},
  ) {
    this.#plugin = plugin;
    const trusted = Buffer.from(certificatePemFromDer(certificateDer));
    this.client = new Client(
      network === 'unix' ? `unix:${address}` : `dns:${address}`,
      credentials.createSsl(trusted, Buffer.from(own.privateKeyPem), Buffer.from(own.certificatePem)),
      { ...CHANNEL_OPTIONS, ...(network === 'tcp' && TCP_OPTIONS), ...more },
    );
  }

  get connected(): boolean {
    return this.client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Why there are no more calls, once the process is gone or the host has closed. */
  get ended(): Error | undefined {
    return this.#ended;
  }

  /** Connects. Rejects with `ERR_CERTIFICATE_REFUSED`, `ERR_CONNECT` or why the connection was ended; has no time of its own. */
  async open(): Promise<void> {
    const channel = this.client.getChannel();
    const { promise: settled, resolve } = Promise.withResolvers<undefined>();
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.IDLE || state === connectivityState.CONNECTING) {
        channel.watchConnectivityState(state, Infinity, look);
      } else resolve(undefined);
    };
    look();
    await settled;
    if (this.connected) return;
    // grpc-js tells the reason to calls only.
    const health = this.unary(HealthService.check, { service: '' }, { deadline: Date.now() + OPEN_REASON_MS });
    await health.catch((error: unknown) => {
      throw error instanceof PluginCallError ? toConnectError(error.message) : error;
    });
  }

  /**
   * One call. `deadline` is a time in ms since the epoch. Rejects with {@link PluginCallError}, with the reason of `signal`,
   * or, when the connection ends under it, with the reason of that end.
   */
  unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    { deadline, signal }: { deadline: number; signal?: AbortSignal | undefined },
  ): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const refusal = this.#ended ?? (signal?.aborted === true ? (signal.reason as Error) : undefined);
    if (refusal) {
      reject(refusal);
      return promise;
    }

    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#pending.delete(fail);
      if (this.#pending.size === 0) this.#idle?.resolve(undefined);
    };
    const fail = (reason: Error): void => {
      settle();
      reject(reason);
      call.cancel();
    };
    const onAbort = (): void => {
      fail(signal?.reason as Error);
    };

    const call = this.client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      new Metadata(),
      { deadline },
      (error, response) => {
        if (!this.#pending.has(fail)) return;
        if (!error && response !== undefined) {
          settle();
          resolve(response);
          return;
        }
        const failure = toCallError(error, { plugin: this.#plugin, method: method.path, deadline });
        // A process that dies loses its connection first. The call waits in #pending for the better explanation.
        if (BROKEN.has(failure.code) && !this.connected) timer = setTimeout(fail, EXIT_AFTER_DISCONNECT_MS, failure);
        else fail(failure);
      },
    );
    this.#pending.add(fail);
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }

  /** Whether the calls in flight all settled in time. */
  drained(timeoutMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return Promise.resolve(true);
    this.#idle ??= Promise.withResolvers<undefined>();
    return settlesWithin(this.#idle.promise, timeoutMs);
  }

  /** Calls in flight reject with the reason at once. */
  rejectCalls(reason: Error): void {
    for (const fail of [...this.#pending]) fail(reason);
  }

  /** Ends the channel; calls in flight reject with the reason at once. The first reason stays. */
  end(reason: Error): void {
    if (this.#ended) return;
    this.#ended = reason;
    this.rejectCalls(reason);
    this.client.close();
  }
}

/** grpc-js tells why a connection failed in words only. */
export function toConnectError(details: string): PluginHostError {
  const reason = /Last error: (?:Error: )?([^\n]*?)\.?\s*(?:Resolution note:|$)/.exec(details)?.[1] ?? details;
  const shown = reason.slice(0, 200);
  return /certificate|altnames/i.test(shown)
    ? new PluginHostError('ERR_CERTIFICATE_REFUSED', `the plugin does not serve with what it announced: ${shown}`)
    : new PluginHostError('ERR_CONNECT', `no connection to the address the plugin announced: ${shown}`);
}
