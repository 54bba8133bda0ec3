import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { claimsOf, createIssuer, type Issuer } from './jwt.ts';
import { createAuthority } from './pki.ts';

/** The part of a Kubernetes API that OpenBao asks whether a service account token is good. */
export interface TokenReviews extends AsyncDisposable {
  readonly address: string;
  readonly caPem: string;
  /** How many reviews were asked for. */
  readonly asked: number;
  /** The token with which the last review was asked for. */
  readonly reviewerToken: string | undefined;
  /** A token as kubelet projects it into a pod; `claims` are laid over its own. */
  project(account: ServiceAccount, claims?: Readonly<Record<string, unknown>>): string;
  /** Ends the server; connections to it are refused. */
  down(): Promise<void>;
  /** Starts it again at the same address. */
  up(): Promise<void>;
  /** Answers every review with this status and no body; undefined takes it back. */
  failWith(status: number | undefined): void;
  /** Takes a token for not authenticated from here on. */
  distrust(token: string): void;
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly audience?: string;
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews';

/** Starts it on loopback. Tokens of its own issuer are authenticated, whatever they say, until they are distrusted. */
export async function startTokenReviews(): Promise<TokenReviews> {
  const authority = await createAuthority({ commonName: 'Cluster' });
  const { certificatePem: cert, privateKeyPem: key } = await authority.issue({ commonName: 'api', usage: 'server' });
  const issuer: Issuer = createIssuer();
  const distrusted = new Set<string>();
  let port = 0;
  let asked = 0;
  let reviewerToken: string | undefined;
  let failure: number | undefined;
  let server: ReturnType<typeof createServer> | undefined;

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    if (incoming.method !== 'POST' || incoming.url !== PATH) return void response.writeHead(404).end();
    asked += 1;
    reviewerToken = /^Bearer (.*)$/.exec(incoming.headers.authorization ?? '')?.[1];
    if (failure !== undefined) return void response.writeHead(failure).end();
    const { spec } = JSON.parse(Buffer.concat(chunks).toString()) as { spec: { token: string; audiences?: string[] } };
    const status = distrusted.has(spec.token) ? { authenticated: false } : reviewOf(spec.token);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec, status };
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(review));
  }

  const up = async (): Promise<void> => {
    server = createServer({ cert, key }, (incoming, response) => void answer(incoming, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  const down = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    const closed = once(closing, 'close');
    closing.close();
    closing.closeAllConnections();
    await closed;
  };
  await up();
  return {
    address: `https://127.0.0.1:${port}`,
    caPem: authority.certificatePem,
    get asked() {
      return asked;
    },
    get reviewerToken() {
      return reviewerToken;
    },
    project: ({ namespace, name, audience = 'openbao' }, claims = {}) =>
      issuer.issue({
        iss: 'https://kubernetes.default.svc',
        aud: [audience],
        sub: `system:serviceaccount:${namespace}:${name}`,
        'kubernetes.io': { namespace, serviceaccount: { name, uid: uidOf(namespace, name) } },
        ...claims,
      }),
    down,
    up,
    failWith(status) {
      failure = status;
    },
    distrust: (token) => void distrusted.add(token),
    [Symbol.asyncDispose]: down,
  };
}

function reviewOf(token: string): object {
  const { aud, sub } = claimsOf(token);
  const [, , namespace = '', name = ''] = String(sub).split(':');
  return { authenticated: true, user: { username: sub, uid: uidOf(namespace, name) }, audiences: aud };
}

function uidOf(namespace: string, name: string): string {
  return `uid-${namespace}-${name}`;
}
