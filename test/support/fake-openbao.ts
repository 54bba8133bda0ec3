import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';

import { createAuthority, type LeafOptions } from './pki.ts';
import { until } from './until.ts';

/** A request as the server got it. */
export interface SeenRequest {
  readonly method: string;
  /** Below `/v1/`, as it was written. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly token: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** Counts connections from 1. */
  readonly connection: number;
  /** SHA-256 of the client's certificate, empty without one. */
  readonly clientCertificate: string;
}

/** What a route does with one request. */
export type Reply = (response: ServerResponse, request: SeenRequest) => void;

/** An HTTPS server that does what a real OpenBao cannot be made to do: stall, cut, trickle, lie. */
export interface FakeOpenBao extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`; the certificate is good for `localhost` too. */
  readonly address: string;
  readonly port: number;
  readonly caPem: string;
  readonly requests: readonly SeenRequest[];
  /** Connections that are open. */
  readonly connections: number;
  /** How often anybody has connected, before any handshake. */
  readonly attempts: number;
  /** Routes a request; with several replies the n-th request gets the n-th one, and later ones the last. */
  on(method: string, path: string, ...replies: Reply[]): void;
  /** What came for a route. */
  seen(method: string, path: string): readonly SeenRequest[];
  /** Resolves when a route has got its n-th request. */
  requested(method: string, path: string, count?: number): Promise<void>;
}

/** Starts it on loopback. `certificate` changes what its certificate says; `otherwise` answers what has no route. */
export async function startFakeOpenBao(
  options: { certificate?: Partial<LeafOptions>; otherwise?: Reply } = {},
): Promise<FakeOpenBao> {
  const authority = await createAuthority({ commonName: `Fake OpenBao ${randomUUID()}` });
  const identity = await authority.issue({ commonName: 'fake', usage: 'server', ...options.certificate });
  const routes = new Map<string, Reply[]>();
  const requests: SeenRequest[] = [];
  const peers = new WeakMap<Socket, Peer>();
  const open = new Set<Socket>();
  let attempts = 0;
  let accepted = 0;

  const server = createServer(
    { cert: identity.certificatePem, key: identity.privateKeyPem, requestCert: true, rejectUnauthorized: false },
    (incoming, response) => void answer(incoming, response),
  );
  server.on('connection', () => {
    attempts += 1;
  });
  server.on('secureConnection', (socket) => {
    accepted += 1;
    const { fingerprint256 } = socket.getPeerCertificate() as Partial<PeerCertificate>;
    peers.set(socket, { connection: accepted, clientCertificate: fingerprint256 ?? '' });
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming, peers.get(incoming.socket));
    if (request === undefined) return;
    requests.push(request);
    const replies = routes.get(`${request.method} ${request.path}`) ?? [];
    (replies.length > 1 ? replies.shift() : (replies[0] ?? options.otherwise ?? NO_ROUTE))?.(response, request);
  }

  const seen = (method: string, path: string): SeenRequest[] =>
    requests.filter((request) => request.method === method && request.path === path);
  const { port } = server.address() as AddressInfo;
  return {
    address: `https://127.0.0.1:${port}`,
    port,
    caPem: authority.certificatePem,
    requests,
    get connections() {
      return open.size;
    },
    get attempts() {
      return attempts;
    },
    on: (method, path, ...replies) => void routes.set(`${method} ${path}`, replies),
    seen,
    requested: (method, path, count = 1) =>
      until(`request ${count} of ${method} ${path}`, () => seen(method, path).length >= count),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Peer = Pick<SeenRequest, 'connection' | 'clientCertificate'>;

/** The client may go away while its request is read. */
async function readRequest(incoming: IncomingMessage, peer: Peer | undefined): Promise<SeenRequest | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  const text = Buffer.concat(chunks).toString();
  const { headers, method = '', url = '' } = incoming;
  return {
    method,
    path: url.replace(/^\/v1\//, ''),
    headers,
    token: headers['x-vault-token'] as string | undefined,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    connection: peer?.connection ?? 0,
    clientCertificate: peer?.clientCertificate ?? '',
  };
}

/** An answer in JSON. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return text(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}

/** An answer of any text. */
export function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return (response) => response.writeHead(status, headers).end(body);
}

/** OpenBao's error shape. */
export function errors(status: number, ...texts: string[]): Reply {
  return json(status, { errors: texts });
}

/** Success without a body. */
export const noContent: Reply = (response) => response.writeHead(204).end();

/** Takes the request and never answers. */
export const stall: Reply = () => undefined;

/** Ends the connection in place of an answer. */
export const cut: Reply = (response) => void response.socket?.destroy();

/** Ends the connection in the middle of the body. */
export const cutMidway: Reply = (response) => {
  response.writeHead(200, { 'content-length': 1000 });
  response.write('{"data":', () => void response.socket?.destroy());
};

/** Sends a byte now and then, for ever. */
export const trickle: Reply = (response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 5);
  response.on('close', () => {
    clearInterval(timer);
  });
};

/** An answer that waits until it is let go. */
export function hold(reply: Reply): { readonly reply: Reply; readonly release: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    reply: (response, request) => void promise.then(() => reply(response, request)),
    release: () => {
      resolve(undefined);
    },
  };
}

const NO_ROUTE: Reply = (response, request) => {
  errors(404, `no handler for route "${request.path}". route entry not found.`)(response, request);
};

/** What a policy answers to a live token, and what a dead token gets. */
export const DENIED_BY_POLICY = '1 error occurred:\n\t* permission denied\n\n';
export const TOKEN_IS_DEAD = 'permission denied';

/** A successful login or renewal; the lease in seconds. */
export function tokenAnswer(token: string, lease: number, options: { readonly renewable?: boolean } = {}): Reply {
  return json(200, {
    request_id: 'f3b4c1d2-0000-4000-8000-000000000001',
    auth: { client_token: token, lease_duration: lease, renewable: options.renewable ?? true, policies: ['p'] },
  });
}

/** A read of a healthy key with one version. */
export function keyAnswer(name: string, changes: Readonly<Record<string, unknown>> = {}): Reply {
  return json(200, { request_id: 'f3b4c1d2-0000-4000-8000-000000000002', data: { ...keyData(name), ...changes } });
}

/** The `data` of a healthy key with one version. */
export function keyData(name: string): Record<string, unknown> {
  return {
    name,
    type: 'aes256-gcm96',
    derived: false,
    supports_encryption: true,
    supports_decryption: true,
    soft_deleted: false,
    latest_version: 1,
    min_decryption_version: 1,
    min_encryption_version: 0,
    keys: { '1': 1_780_000_000 },
  };
}
