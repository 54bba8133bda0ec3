import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { stringify } from 'yaml';

import { createAuthority } from './pki.ts';

/** A TLS server in place of an OpenBao, which takes every request and never answers one. */
export interface CountingServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT` */
  readonly address: string;
  /** Connections that completed their TLS handshake, and requests, so far. */
  readonly seen: { connections: number; requests: number };
  /** The credential in the configuration. */
  readonly secretId: string;
  /** PEM of the authority of its certificate. */
  readonly caPem: string;
  /**
   * A plugin configuration whose calls all go here. They give up after ten seconds, or after `budgetMs`; `trusted` is the
   * PEM of another authority that they trust instead.
   */
  yaml(budgetMs?: number, trusted?: string | null): string;
}

const LONGEST_BUDGET_MS = 10_000;

/** Starts the server on a free port of the loopback interface. */
export async function startCountingServer(): Promise<CountingServer> {
  const authority = await createAuthority();
  const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'localhost', usage: 'server' });
  const secretId = randomUUID();
  const seen = { connections: 0, requests: 0 };
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, () => {
    seen.requests += 1;
  });
  server.on('secureConnection', () => {
    seen.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const address = `https://127.0.0.1:${port}`;
  return {
    address,
    seen,
    secretId,
    caPem: authority.certificatePem,
    yaml: (budgetMs = LONGEST_BUDGET_MS, trusted: string | null = authority.certificatePem) =>
      stringify({
        development: true,
        openbao: {
          addresses: [address],
          ...(trusted === null ? {} : { ca: { value: trusted } }),
        },
        auth: { method: 'approle', roleId: 'role', secretId: { value: secretId } },
        limits: { readBudgetMs: budgetMs, loginBudgetMs: budgetMs },
      }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
