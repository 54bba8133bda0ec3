import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A server on every address of this machine that nobody may reach. */
export interface AddressTrap extends AsyncDisposable {
  readonly port: number;
  /** How often somebody has connected. */
  readonly reached: number;
  /** The addresses to which this process has begun a TCP connection, wherever they are. */
  readonly begun: readonly string[];
}

/** Sets it up; it ends each connection at once. */
export async function setAddressTrap(): Promise<AddressTrap> {
  let reached = 0;
  const begun: string[] = [];
  const server = createServer((socket) => {
    reached += 1;
    socket.on('error', () => undefined);
    socket.destroy();
  });
  server.listen(0);
  await once(server, 'listening');
  const hook = createHook({
    init(_id, type, _cause, resource) {
      if (type === 'TCPCONNECTWRAP') begun.push((resource as { readonly address: string }).address);
    },
  }).enable();
  return {
    port: (server.address() as AddressInfo).port,
    get reached() {
      return reached;
    },
    begun,
    async [Symbol.asyncDispose]() {
      hook.disable();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
