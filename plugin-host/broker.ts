import { join } from 'node:path';

import type { ClientDuplexStream } from '@grpc/grpc-js';

import { refuseKnock } from '../plugin-protocol/broker.ts';
import type { OneTimeCertificate } from '../plugin-protocol/certificate.ts';
import type { ConnInfo } from '../proto/gen/plugin/grpc_broker.ts';
import { Announcements } from './announcements.ts';
import { type BrokeredServer, startBrokeredServer } from './brokered-server.ts';
import { Connection } from './connection.ts';
import { type CallOptions, createServiceClients, type GeneratedService, type ServiceClient } from './contract.ts';
import { PluginHostError } from './errors.ts';
import { type HostService, hostServicesProblem, toImplementation } from './host-service.ts';
import { timeLimit, type TimeLimits } from './limits.ts';
import type { HostLogger } from './log-relay.ts';
import { withinTime } from './wait.ts';

/** The id that plugin-sdk keeps for the services of the host. */
const HOST_SERVICES_ID = 1;
const MAX_ID = 2 ** 32 - 1;

/** Services that the host serves to one process of a plugin. */
export interface AcceptedServices extends AsyncDisposable {
  /** What the plugin dials. */
  readonly id: number;
  /** Ends the socket, its connections and their calls at once. Idempotent; the end of the process does the same. */
  close(): Promise<void>;
}

/** A connection to services that one process of a plugin serves on a brokered id. */
export interface DialledServices<Services extends Readonly<Record<string, GeneratedService>>> extends Disposable {
  /**
   * The typed clients, under the names given. Calls take and reject as those of the plugin's `client`, but wait for nothing
   * and are not repeated, not counted and not told of.
   */
  readonly client: { readonly [Name in keyof Services]: ServiceClient<Services[Name]> };
  /** Calls in flight reject with `ERR_CLOSED`. Idempotent; the end of the process does the same. */
  close(): void;
}

/** How services are accepted. */
export interface AcceptOptions {
  /** 1 to 4 294 967 295, for contracts with fixed ids; 1 is taken by the host services. Default: one that is free. */
  readonly id?: number;
}

/** How services are dialled. */
export interface DialOptions {
  /** Gives it up; the dial rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a broker is made with. */
export interface BrokerOptions {
  readonly plugin: string;
  readonly generation: number;
  readonly own: OneTimeCertificate;
  /** Where its sockets go. Whoever made it removes it. */
  readonly directory: string;
  readonly limits: Pick<TimeLimits, 'brokerTimeoutMs' | 'callTimeoutMs'>;
  readonly logger: HostLogger;
}

/** The other end, as far as the broker needs it. */
interface Peer {
  readonly stream: ClientDuplexStream<ConnInfo, ConnInfo>;
  readonly certificateDer: Buffer;
}

/**
 * go-plugin's broker, host side, of one process: either end serves on sockets of its own and tells the other by an id where
 * they are. An id names a socket of the end that announced it; the two ends count apart. Every connection is made with the
 * certificates of the main one.
 */
export class Broker implements AsyncDisposable {
  readonly #options: BrokerOptions;
  readonly #announcements = new Announcements();
  readonly #servers = new Map<number, Promise<BrokeredServer>>();
  readonly #connections = new Set<Connection>();
  readonly #ended = new AbortController();
  #peer: Peer | undefined;
  /** The last id given out. Those of host services are below. */
  #lastId = HOST_SERVICES_ID;
  #sockets = 0;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** The connections that were dialled. */
  get connections(): Iterable<Connection> {
    return this.#connections;
  }

  /** Reads the broker's stream from now on, to its end. */
  attach(peer: Peer): void {
    this.#peer = peer;
    const { stream } = peer;
    const { logger } = this.#options;
    stream.on('data', (info: ConnInfo) => {
      const { serviceId, network, knock } = info;
      if (knock === undefined) {
        logger.debug({ serviceId, network }, 'plugin offers a brokered service');
        this.#announcements.add(info);
      } else if (!knock.ack && !stream.writableNeedDrain) stream.write(refuseKnock(serviceId, 'host'));
    });
    const detach = (): void => {
      this.#peer = undefined;
    };
    stream.once('end', detach).once('error', detach);
  }

  /**
   * As the Go catalog: even if there are none, since a plugin of plugin-sdk may dial them before it looks at their names. A
   * plugin without a broker has no use for them. Rejects with `ERR_SOCKET_DIRECTORY` or why the process is gone.
   */
  async acceptHostServices(services: readonly HostService[]): Promise<void> {
    try {
      await this.#serve(this.#connected(), HOST_SERVICES_ID, services);
    } catch (error) {
      if (!(error instanceof PluginHostError && error.code === 'ERR_BROKER_CLOSED')) throw error;
    }
  }

  /**
   * Serves until the process is gone, and announces it. Rejects with `ERR_BROKER_ID` when the id is none or in use, with
   * `ERR_BROKER_CLOSED` when the plugin has no broker, `ERR_OPTIONS`, `ERR_SOCKET_DIRECTORY`, or why the process is gone.
   */
  async accept(
    services: readonly HostService[],
    { id = this.#nextId() }: AcceptOptions = {},
  ): Promise<AcceptedServices> {
    const problem = services.length === 0 ? 'must not be empty' : hostServicesProblem(services);
    if (problem !== undefined) throw new PluginHostError('ERR_OPTIONS', `the services to accept ${problem}`);
    const peer = this.#connected();
    checkId(id);
    if (this.#servers.has(id)) throw new PluginHostError('ERR_BROKER_ID', `the brokered id ${id} is in use`);
    const close = await this.#serve(peer, id, services);
    return { id, close, [Symbol.asyncDispose]: close };
  }

  /**
   * Connects to what the plugin serves on an id, when it has announced it or as soon as it does. An announcement is good for
   * one dial. Rejects with `ERR_BROKER_TIMEOUT` when there is none in time, with `ERR_BROKER_ID` for an id that is none or
   * is being dialled, `ERR_BROKER_CLOSED` without a broker, `ERR_NETWORK` or `ERR_ADDRESS` for an announcement that names no
   * place, `ERR_CERTIFICATE_REFUSED` or `ERR_CONNECT` for a connection that fails, the signal's reason, or why the process
   * is gone.
   */
  async dial<const Services extends Readonly<Record<string, GeneratedService>>>(
    id: number,
    services: Services,
    { signal }: DialOptions = {},
  ): Promise<DialledServices<Services>> {
    const { certificateDer } = this.#connected();
    checkId(id);
    const { plugin, own, limits } = this.#options;
    const { brokerTimeoutMs: timeoutMs } = limits;
    const wanted = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    wanted.throwIfAborted();
    const place = await this.#announcements.take(id, { timeoutMs, signal: wanted });

    const connection = new Connection(plugin, { ...place, certificateDer }, own);
    this.#connections.add(connection);
    const close = (reason: Error = closedError()): void => {
      this.#connections.delete(connection);
      connection.end(reason);
    };
    const late = (): Error => new PluginHostError('ERR_CONNECT', `no connection to the brokered id ${id} in time`);
    try {
      await withinTime(timeoutMs, late, wanted, () => connection.open());
    } catch (error) {
      close(error as Error);
      throw error;
    }
    const client = createServiceClients(services, async (method, request, options: CallOptions = {}) => {
      const deadline = Date.now() + timeLimit(options.timeoutMs, limits.callTimeoutMs);
      return connection.unary(method, request, { deadline, signal: options.signal });
    });
    return { client, close: () => close(), [Symbol.dispose]: () => close() };
  }

  /** Ends what was dialled and what waits for it, with the reason. What is served goes on. */
  hangUp(reason: Error): void {
    this.#ended.abort(reason);
    for (const connection of this.#connections) connection.end(reason);
    this.#connections.clear();
  }

  /** Ends the rest as well; nothing is left when it resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp(closedError());
    await Promise.allSettled([...this.#servers.values()].map(async (starting) => (await starting).close()));
  }

  /** Answers how to end it. */
  async #serve(peer: Peer, id: number, services: readonly HostService[]): Promise<() => Promise<void>> {
    const { own, directory } = this.#options;
    const address = join(directory, `broker${(this.#sockets += 1)}`);
    const starting = startBrokeredServer({
      path: address,
      own,
      peerCertificateDer: peer.certificateDer,
      services: services.map((service) => ({
        definition: service.definition,
        implementation: toImplementation(service, this.#options),
      })),
    });
    this.#servers.set(id, starting);
    const close = async (): Promise<void> => {
      await (await starting).close();
      if (this.#servers.get(id) === starting) this.#servers.delete(id);
    };
    try {
      await starting;
      this.#connected();
    } catch (error) {
      await close().catch(() => this.#servers.delete(id));
      throw error;
    }
    peer.stream.write({ serviceId: id, network: 'unix', address, knock: undefined });
    return close;
  }

  /** The other end, as long as it can be told of ids and can tell of its own. */
  #connected(): Peer {
    this.#ended.signal.throwIfAborted();
    if (this.#peer) return this.#peer;
    throw new PluginHostError('ERR_BROKER_CLOSED', 'the plugin has no broker');
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === MAX_ID ? HOST_SERVICES_ID + 1 : this.#lastId + 1;
    while (this.#servers.has(this.#lastId));
    return this.#lastId;
  }
}

function checkId(id: number): void {
  if (Number.isInteger(id) && id >= 1 && id <= MAX_ID) return;
  throw new PluginHostError('ERR_BROKER_ID', `a brokered id is a number from 1 to ${MAX_ID}`);
}

function closedError(): PluginHostError {
  return new PluginHostError('ERR_CLOSED', 'the brokered connection was closed');
}
