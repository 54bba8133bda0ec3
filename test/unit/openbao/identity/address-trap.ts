import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A server on every address of this machine that nobody may reach. */
export interface AddressTrap extends AsyncDisposable {
  readonly port: number;
  /** How often somebody has connected. */
  readonly reached: number;
  /** How often this process has begun a TCP connection, to whatever address. */
  readonly begun: number;
}

/** Sets it up; it ends each connection at once. */
export async function setAddressTrap(): Promise<AddressTrap> {
  let [reached, begun] = [0, 0];
  const server = createServer((socket) => {
    reached += 1;
    socket.on('error', () => undefined);
    socket.destroy();
  });
  server.listen(0);
  await once(server, 'listening');
  const hook = createHook({
    init(_id, type) {
      if (type === 'TCPCONNECTWRAP') begun += 1;
    },
  }).enable();
  return {
    port: (server.address() as AddressInfo).port,
    get reached() {
      return reached;
    },
    get begun() {
      return begun;
    },
    async [Symbol.asyncDispose]() {
      hook.disable();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
