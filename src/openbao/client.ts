import nodeVault from 'node-vault';

import type { Answer } from './answer.ts';
import type { Transport } from './transport.ts';

/** A verb of OpenBao's API. Writes are updates unless the route also knows a create. */
export type OpenBaoVerb = 'read' | 'list' | 'write' | 'delete';

/** One request to OpenBao, below `/v1/`. */
export interface OpenBaoRequest {
  readonly verb: OpenBaoVerb;
  /** Built by `paths.ts`, or a constant. */
  readonly path: string;
  readonly body?: object;
  readonly namespace: string;
  readonly token?: string;
  /** Correlation id of the caller; OpenBao's audit log can be told to record it. */
  readonly requestId?: string;
  /** Whether a server that is not the active one may pass the request on; true by default. Otherwise it answers 307. */
  readonly forwarding?: boolean;
  readonly signal: AbortSignal;
}

/** OpenBao at one address under one TLS identity. */
export interface OpenBaoClient {
  /** Resolves with whatever OpenBao answered, failures included; rejects as `Transport.request` does. */
  send(request: OpenBaoRequest): Promise<Answer>;
  close(): Promise<void>;
}

interface NodeVaultOptions {
  readonly method: string;
  readonly uri: string;
  readonly json?: unknown;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
}

// The only place that knows node-vault. Its own transport, token, renewal and error texts are never used: each answer
// passes through it as a success whose body is ours, and token and namespace go with each request, so that a renewal
// cannot race a call.
/** Speaks OpenBao's API over a transport; the caller owns and closes the client, the client its transport. */
export function createOpenBaoClient(origin: string, transport: Transport): OpenBaoClient {
  const requester = async (options: NodeVaultOptions): Promise<object> => {
    const body = typeof options.json === 'object' ? JSON.stringify(options.json) : undefined;
    const answer = await transport.request({
      method: options.method,
      path: options.uri.slice(origin.length),
      headers: { accept: 'application/json', ...(body === undefined ? {} : JSON_BODY), ...options.headers },
      signal: options.signal,
      ...(body === undefined ? {} : { body }),
    });
    return { statusCode: 200, body: answer, request: { path: '' } };
  };
  const vault = nodeVault({
    endpoint: origin,
    apiVersion: 'v1',
    // The default prints request bodies when DEBUG is set.
    debug: () => undefined,
    'request-promise': { defaults: () => requester },
  });
  // Both default to environment variables.
  vault.token = '';
  Object.assign(vault, { namespace: '', pathPrefix: '' });

  return {
    send({ verb, path, body, namespace, token, requestId, forwarding = true, signal }) {
      const headers: Record<string, string> = {};
      if (token !== undefined) headers['X-Vault-Token'] = token;
      if (namespace !== '') headers['X-Vault-Namespace'] = namespace;
      if (requestId !== undefined) headers['X-Correlation-Id'] = requestId;
      if (!forwarding) headers['X-Vault-No-Request-Forwarding'] = 'true';
      const options = { headers, signal };
      if (verb === 'read') return vault.read(path, options) as Promise<Answer>;
      // The same as the method LIST, which is not HTTP's and which not everything between lets through.
      if (verb === 'list') return vault.read(`${path}?list=true`, options) as Promise<Answer>;
      if (verb === 'delete') return vault.delete(path, options) as Promise<Answer>;
      return vault.write(path, body ?? {}, options) as Promise<Answer>;
    },
    close: () => transport.close(),
  };
}

const JSON_BODY = { 'content-type': 'application/json' };
