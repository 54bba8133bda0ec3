import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** What a single request may bring of its own. */
export interface RequestOptions {
  /** Instead of the root token; an empty text sends none. */
  readonly token?: string;
  readonly namespace?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an answer may take; 30 s by default. */
  readonly timeoutMs?: number;
  /** PEM of a client certificate and its key, for the `cert` login. */
  readonly certificate?: string;
  readonly key?: string;
}

/** OpenBao's answer; `body` is undefined when there is none. */
export interface OpenBaoAnswer {
  readonly status: number;
  // OpenBao's JSON differs per route; callers name what they read.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

/** Sends one request; `path` is what follows `/v1/`. Rejects only when there is no answer. */
export type Requester = (
  method: string,
  path: string,
  body?: object,
  options?: RequestOptions,
) => Promise<OpenBaoAnswer>;

const TIMEOUT_MS = 30_000;

/** A requester on a connection of its own each time, so that nothing stays open between calls. */
export function createRequester(server: { address: string; caPem: string; token?: string }): Requester {
  return (method, path, body, options = {}) => {
    const url = new URL(`/v1/${path.replace(/^\/?(v1\/)?/, '')}`, server.address);
    const token = options.token ?? server.token;
    const { timeoutMs = TIMEOUT_MS } = options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { promise, resolve, reject } = Promise.withResolvers<OpenBaoAnswer>();
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      {
        method,
        agent: false,
        timeout: timeoutMs,
        ca: server.caPem,
        cert: options.certificate,
        key: options.key,
        headers: {
          ...(token ? { 'X-Vault-Token': token } : {}),
          ...(options.namespace === undefined ? {} : { 'X-Vault-Namespace': options.namespace }),
          ...(text === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
          ...options.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()) });
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer in ${timeoutMs} ms`)));
    request.on('error', reject);
    request.end(text);
    return promise;
  };
}

/** Sends one request and throws on a status that was not expected, without what the answer says. */
export async function demand(
  request: Requester,
  expected: number,
  ...[method, path, body, options]: Parameters<Requester>
): Promise<OpenBaoAnswer> {
  const answer = await request(method, path, body, options);
  if (answer.status !== expected) throw new Error(`${method} ${path}: status ${answer.status}`);
  return answer;
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text; // not OpenBao's JSON: the caller sees what came
  }
}
