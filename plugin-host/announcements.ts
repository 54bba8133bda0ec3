import type { ProtocolError } from '../plugin-protocol/errors.ts';
import { type NetworkAddress, parseNetworkAddress } from '../plugin-protocol/handshake.ts';
import type { ConnInfo } from '../proto/gen/plugin/grpc_broker.ts';
import { PluginHostError } from './errors.ts';
import { withinTime } from './wait.ts';

/** So many that nobody has dialled are kept: the latest. */
export const MAX_UNDIALLED = 1024;
/** A socket path has at most 107 bytes, a host name 253. */
const MAX_ADDRESS_LENGTH = 512;

/**
 * Where a plugin says that its brokered ids are served. As in go-plugin an announcement is good for one dial and may come
 * before it or within its time. It does not age, and a second one for the same id takes the place of the first: an id that
 * is served anew is dialled where it is now.
 */
export class Announcements {
  /** Where, or what is wrong with it. */
  readonly #known = new Map<number, NetworkAddress | PluginHostError>();
  readonly #awaited = new Map<number, (place: NetworkAddress | PluginHostError) => void>();

  /** Those that nobody has dialled. */
  get size(): number {
    return this.#known.size;
  }

  add({ serviceId, network, address }: ConnInfo): void {
    const place = judge(network, address);
    const awaited = this.#awaited.get(serviceId);
    if (awaited) {
      this.#awaited.delete(serviceId);
      awaited(place);
      return;
    }
    this.#known.delete(serviceId);
    this.#known.set(serviceId, place);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_UNDIALLED && oldest !== undefined) this.#known.delete(oldest);
  }

  /**
   * Takes the announcement of an id, waiting for it. Rejects with `ERR_BROKER_TIMEOUT`, with `ERR_BROKER_ID` while another
   * waits for the same id, with `ERR_NETWORK` or `ERR_ADDRESS` for one that names no place, or with the signal's reason.
   */
  async take(id: number, { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Promise<NetworkAddress> {
    if (this.#awaited.has(id)) {
      throw new PluginHostError('ERR_BROKER_ID', `the brokered id ${id} is being dialled already`);
    }
    const known = this.#known.get(id);
    this.#known.delete(id);
    const place = known ?? (await this.#wait(id, timeoutMs, signal));
    if (place instanceof PluginHostError) throw place;
    return place;
  }

  async #wait(id: number, timeoutMs: number, signal: AbortSignal): Promise<NetworkAddress | PluginHostError> {
    const announced = Promise.withResolvers<NetworkAddress | PluginHostError>();
    const late = (): Error =>
      new PluginHostError(
        'ERR_BROKER_TIMEOUT',
        `timeout waiting for connection info: the plugin announced no brokered id ${id} within ${timeoutMs} ms`,
      );
    this.#awaited.set(id, announced.resolve);
    try {
      return await withinTime(timeoutMs, late, signal, () => announced.promise);
    } finally {
      if (this.#awaited.get(id) === announced.resolve) this.#awaited.delete(id);
    }
  }
}

function judge(network: string, address: string): NetworkAddress | PluginHostError {
  try {
    if (address.length <= MAX_ADDRESS_LENGTH) return parseNetworkAddress(network, address);
    return new PluginHostError('ERR_ADDRESS', `the announced address is longer than ${MAX_ADDRESS_LENGTH} characters`);
  } catch (error) {
    const { code, message } = error as ProtocolError;
    return new PluginHostError(code === 'ERR_NETWORK' ? code : 'ERR_ADDRESS', message);
  }
}
