import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';

import { createAuthority } from './pki.ts';

type Body = Readonly<Record<string, unknown>>;

/** A TLS stand-in in front of a real OpenBao that tells other things of it than are so. */
export interface AlteringProxy extends AsyncDisposable {
  readonly address: string;
  readonly caPem: string;
  /** What is laid over the body of `sys/health`. */
  alter: (health: Body) => Body;
}

/** Starts it on loopback; it passes everything else on as it is. */
export async function startAlteringProxy(target: { address: string; caPem: string }): Promise<AlteringProxy> {
  const authority = await createAuthority({ commonName: 'Authority of stand-ins' });
  const identity = await authority.issue({ commonName: 'stand-in', usage: 'server' });
  const server = createServer({ cert: identity.certificatePem, key: identity.privateKeyPem }, (incoming, response) => {
    pass(incoming, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, method, url = '/' } = incoming;
    const { host: _, ...passed } = headers;
    const outgoing = httpsRequest(new URL(url, target.address), {
      method,
      headers: passed,
      ca: target.caPem,
      agent: false,
    });
    incoming.pipe(outgoing);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const text = Buffer.concat(await answer.toArray()).toString();
    const changed = url === '/v1/sys/health' ? JSON.stringify(proxy.alter(JSON.parse(text) as Body)) : text;
    const { 'content-length': __, 'transfer-encoding': ___, ...kept } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': Buffer.byteLength(changed) });
    response.end(changed);
  }

  const proxy: AlteringProxy = {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caPem: authority.certificatePem,
    alter: (health) => health,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
