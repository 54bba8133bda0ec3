import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';

import { KeystoreError } from '../../../src/keystore/errors.ts';
import type { Answer } from '../../../src/openbao/answer.ts';
import { createTransport, type Transport, type TransportOptions } from '../../../src/openbao/transport.ts';
import { type FakeOpenBao, startFakeOpenBao } from '../../support/fake-openbao.ts';
import { until } from '../../support/until.ts';

export const HEALTH = '/v1/sys/health';
export const BEARER = 'CANARY-token';
export const PLAINTEXT = 'CANARY-plaintext';

const never = new AbortController().signal;

/** A fake OpenBao for all tests of a file, and transports that end with each test. */
export interface Stage {
  readonly fake: FakeOpenBao;
  /** Opens a transport to the fake, with 4 connections and answers of at most 1000 bytes unless told otherwise. */
  connect(options?: Partial<TransportOptions>): Transport;
}

export function useStage(): Stage {
  const open: Transport[] = [];
  let fake: FakeOpenBao | undefined;
  beforeAll(async () => {
    fake = await startFakeOpenBao();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((transport) => transport.close()));
  });
  afterAll(async () => {
    await until('all connections closed', () => fake?.connections === 0);
    await fake?.[Symbol.asyncDispose]();
  });
  return {
    get fake() {
      return fake!;
    },
    connect(options = {}) {
      const transport = createTransport({
        origin: fake!.address,
        ca: fake!.caPem,
        allowPrivateAddresses: true,
        maxConnections: 4,
        connectTimeoutMs: 5000,
        maxAnswerBytes: 1000,
        ...options,
      });
      open.push(transport);
      return transport;
    },
  };
}

export function get(transport: Transport, path = HEALTH, signal: AbortSignal = never): Promise<Answer> {
  return transport.request({ method: 'GET', path, headers: {}, signal });
}

/** A request with a token and a plaintext. */
export function post(transport: Transport, path: string): Promise<Answer> {
  const body = JSON.stringify({ plaintext: PLAINTEXT });
  return transport.request({ method: 'POST', path, headers: { 'X-Vault-Token': BEARER }, body, signal: never });
}

export async function failureOf(request: () => Promise<unknown>): Promise<KeystoreError> {
  const error: unknown = await request().catch((reason: unknown) => reason);
  if (!(error instanceof KeystoreError)) throw new Error(`no KeystoreError: ${inspect(error)}`);
  return error;
}

/** A server of plain TCP in place of TLS, which answers what it is sent with a greeting, or never. */
export async function plainServer(greeting: string): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => (greeting === '' ? undefined : socket.end(greeting)));
    socket.on('end', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
