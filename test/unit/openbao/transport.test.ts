import { getEventListeners, once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { inspect } from 'node:util';

import { KeystoreError } from '../../../src/keystore/errors.ts';
import { createTransport, type Transport, type TransportOptions } from '../../../src/openbao/transport.ts';
import {
  cut,
  cutMidway,
  type FakeOpenBao,
  hold,
  json,
  stall,
  startFakeOpenBao,
  text,
  trickle,
} from '../../support/fake-openbao.ts';
import { createAuthority } from '../../support/pki.ts';
import { until } from '../../support/until.ts';

const PATH = '/v1/sys/health';
const BEARER = 'CANARY-token';
const PLAINTEXT = 'CANARY-plaintext';

let fake: FakeOpenBao;
const open: Transport[] = [];

beforeAll(async () => {
  fake = await startFakeOpenBao();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});
afterAll(async () => {
  await until('all connections closed', () => fake.connections === 0);
  await fake[Symbol.asyncDispose]();
});

function connect(options: Partial<TransportOptions> = {}): Transport {
  const transport = createTransport({
    origin: fake.address,
    ca: fake.caPem,
    allowPrivateAddresses: true,
    maxConnections: 4,
    connectTimeoutMs: 5000,
    maxAnswerBytes: 1000,
    ...options,
  });
  open.push(transport);
  return transport;
}

const never = new AbortController().signal;
const get = (transport: Transport, path = PATH, signal = never) =>
  transport.request({ method: 'GET', path, headers: {}, signal });
const post = (transport: Transport, path: string, signal = never) =>
  transport.request({
    method: 'POST',
    path,
    headers: { 'X-Vault-Token': BEARER },
    body: JSON.stringify({ plaintext: PLAINTEXT }),
    signal,
  });

async function failureOf(request: () => Promise<unknown>): Promise<KeystoreError> {
  const error: unknown = await request().catch((reason: unknown) => reason);
  if (!(error instanceof KeystoreError)) throw new Error(`no KeystoreError: ${inspect(error)}`);
  return error;
}

/** A server of plain TCP in place of TLS. */
async function plainServer(greeting: string): Promise<AsyncDisposable & { origin: string }> {
  const server: Server = createServer((socket) => {
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

describe('a request', () => {
  it('goes out as it is, over connections that are kept', async () => {
    const transport = connect();
    const path = 'transit/encrypt/kept';
    fake.on('POST', path, json(200, { data: 1 }));
    for (let count = 0; count < 40; count += 1) await post(transport, `/v1/${path}`);
    const seen = fake.seen('POST', path);
    // The pool opens a second one when a request comes in the moment the one before it ends.
    expect(new Set(seen.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
    expect(seen[0]).toMatchObject({ token: BEARER, body: { plaintext: PLAINTEXT } });
  });

  it('shares no more connections than are allowed', async () => {
    const transport = connect({ maxConnections: 2 });
    fake.on('GET', 'many', json(200, {}));
    await Promise.all(Array.from({ length: 20 }, () => get(transport, '/v1/many')));
    expect(new Set(fake.seen('GET', 'many').map(({ connection }) => connection)).size).toBe(2);
  });

  it('brings status, body and Retry-After, whatever the status', async () => {
    const transport = connect();
    fake.on('GET', 'limited', json(429, { errors: ['x'] }, { 'retry-after': '2' }));
    expect(await get(transport, '/v1/limited')).toEqual({
      status: 429,
      body: { errors: ['x'] },
      foreignBody: false,
      retryAfterMs: 2000,
    });
    fake.on('GET', 'page', text(200, '<html>'));
    expect(await get(transport, '/v1/page')).toEqual({ status: 200, body: undefined, foreignBody: true });
  });

  it('R-SEC-05 follows no redirect', async () => {
    const transport = connect();
    fake.on('POST', 'from', text(307, '', { location: `${fake.address}/v1/to` }));
    fake.on('POST', 'to', json(200, {}));
    expect(await post(transport, '/v1/from')).toMatchObject({ status: 307 });
    expect(fake.seen('POST', 'to')).toEqual([]);
  });

  it('R-SEC-07 uses no proxy of the environment', async () => {
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : 'http://127.0.0.1:1';
    try {
      fake.on('GET', 'direct', json(200, {}));
      expect(await get(connect(), '/v1/direct')).toMatchObject({ status: 200 });
    } finally {
      for (const name of names) Reflect.deleteProperty(process.env, name);
    }
  });

  it('leaves no listener on the signal of the caller', async () => {
    const transport = connect();
    const { signal } = new AbortController();
    fake.on('GET', 'quiet', json(200, {}));
    for (let count = 0; count < 30; count += 1) await get(transport, '/v1/quiet', signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('R-SEC-04 the certificate of the server', () => {
  it('must come from the authority that is trusted', async () => {
    const { certificatePem: ca } = await createAuthority({ commonName: 'Another CA' });
    expect(await failureOf(() => get(connect({ ca })))).toMatchObject({ class: 'tls-failure' });
  });

  it('is not taken on trust when no authority is configured', async () => {
    const { caPem: _, ...rest } = fake;
    const transport = createTransport({
      origin: rest.address,
      allowPrivateAddresses: true,
      maxConnections: 1,
      connectTimeoutMs: 5000,
      maxAnswerBytes: 1000,
    });
    open.push(transport);
    expect(await failureOf(() => get(transport))).toMatchObject({ class: 'tls-failure' });
  });

  it('must bear the name of the host, or the one that is configured', async () => {
    await using other = await startFakeOpenBao({ certificate: { hosts: ['bao.example.com'] } });
    other.on('GET', 'sys/health', json(200, {}));
    const at = { origin: other.address, ca: other.caPem };
    expect(await failureOf(() => get(connect(at)))).toMatchObject({
      class: 'tls-failure',
      details: { cause: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    expect(await get(connect({ ...at, serverName: 'bao.example.com' }))).toMatchObject({ status: 200 });
    expect(await failureOf(() => get(connect({ ...at, serverName: 'other.example.com' })))).toMatchObject({
      class: 'tls-failure',
    });
  });

  it.each([
    ['must not have expired', { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 1000) }],
    ['must be valid already', { notBefore: new Date(Date.now() + 3_600_000), notAfter: new Date(Date.now() + 7e6) }],
    ['must be one for servers', { usage: 'client', hosts: ['127.0.0.1'] } as const],
  ])('%s', async (_name, certificate) => {
    await using other = await startFakeOpenBao({ certificate });
    expect(await failureOf(() => get(connect({ origin: other.address, ca: other.caPem })))).toMatchObject({
      class: 'tls-failure',
    });
    expect(other.requests).toEqual([]);
  });

  it.each([
    ['an authority that is no certificate', { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }],
    ['a client certificate that is none', { clientCertificate: { chainPem: 'x', privateKeyPem: 'y' } }],
  ])('with %s there is no connection', async (_name, options) => {
    expect(await failureOf(() => get(connect(options)))).toMatchObject({ class: 'tls-failure' });
  });

  it('a server that does not speak TLS is none', async () => {
    await using plain = await plainServer('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await failureOf(() => get(connect({ origin: plain.origin })))).toMatchObject({ class: 'tls-failure' });
  });
});

describe('R-ERR-04 a connection that fails', () => {
  it('is refused', async () => {
    expect(await failureOf(() => get(connect({ origin: 'https://127.0.0.1:1' })))).toMatchObject({
      class: 'unreachable',
      details: { cause: 'ECONNREFUSED' },
    });
  });

  it('is not answered in time', async () => {
    await using silent = await plainServer('');
    const transport = connect({ origin: silent.origin, connectTimeoutMs: 100 });
    expect(await failureOf(() => get(transport))).toMatchObject({
      class: 'unreachable',
      details: { cause: 'UND_ERR_CONNECT_TIMEOUT' },
    });
  });

  it('is to a name that nobody knows', async () => {
    expect(await failureOf(() => get(connect({ origin: 'https://nobody.invalid' })))).toMatchObject({
      class: 'unreachable',
    });
  });

  it.each([
    ['instead of an answer', cut],
    ['in the middle of an answer', cutMidway],
  ])('is cut %s', async (_name, reply) => {
    fake.on('GET', 'cut', reply);
    expect(await failureOf(() => get(connect(), '/v1/cut'))).toMatchObject({ class: 'unreachable' });
  });

  it('R-SEC-01 carries nothing of the request in any form of printing', async () => {
    const transport = connect();
    for (const reply of [cut, cutMidway, text(200, 'x'.repeat(2000))]) {
      fake.on('POST', 'secret', reply);
      const error = await failureOf(() => post(transport, '/v1/secret'));
      const printed = [
        String(error),
        error.stack,
        JSON.stringify(error),
        inspect(error, { depth: 9, showHidden: true }),
      ];
      expect(printed.join()).not.toContain('CANARY');
    }
  });
});

describe('R-SEC-06 an answer that is too large', () => {
  it.each([
    ['by its length', text(200, 'x'.repeat(1001), { 'content-length': '1001' })],
    ['in pieces', text(200, 'x'.repeat(5000), { 'transfer-encoding': 'chunked' })],
  ])('%s is refused', async (_name, reply) => {
    const transport = connect();
    fake.on('GET', 'large', reply);
    expect(await failureOf(() => get(transport, '/v1/large'))).toMatchObject({
      class: 'malformed-answer',
      details: { cause: 'ERR_ANSWER_TOO_LARGE' },
    });
  });

  it('is not taken in: a flood without end is refused too', async () => {
    fake.on('GET', 'flood', (response) => {
      response.writeHead(200);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', pour);
      pour();
    });
    expect(await failureOf(() => get(connect(), '/v1/flood'))).toMatchObject({ class: 'malformed-answer' });
    await until('the flood ends', () => fake.connections === 0);
  });

  it('of exactly the size is not', async () => {
    fake.on('GET', 'exact', text(200, JSON.stringify({ x: 'x'.repeat(1000 - 8) })));
    expect(await get(connect(), '/v1/exact')).toMatchObject({ status: 200, foreignBody: false });
  });
});

describe('the signal of the caller', () => {
  const reason = new KeystoreError('deadline-exceeded', 'the call took too long');

  it.each([
    ['an answer that does not come', stall],
    ['an answer that trickles', trickle],
  ])('ends the waiting for %s, and the connection', async (_name, reply) => {
    const transport = connect();
    const caller = new AbortController();
    fake.on('GET', 'slow', reply);
    const request = failureOf(() => get(transport, '/v1/slow', caller.signal));
    await fake.requested('GET', 'slow', fake.seen('GET', 'slow').length + 1);
    caller.abort(reason);
    expect(await request).toBe(reason);
    await until('the connection ends', () => fake.connections === 0);
  });

  it('already aborted sends nothing', async () => {
    const before = fake.requests.length;
    expect(await failureOf(() => get(connect(), PATH, AbortSignal.abort(reason)))).toBe(reason);
    expect(fake.requests).toHaveLength(before);
  });

  it('ends the waiting for a connection', async () => {
    await using silent = await plainServer('');
    const caller = new AbortController();
    const transport = connect({ origin: silent.origin, connectTimeoutMs: 200 });
    const request = failureOf(() => get(transport, PATH, caller.signal));
    setImmediate(() => caller.abort(reason));
    expect(await request).toBe(reason);
  });

  it('frees the connection for the next request', async () => {
    const transport = connect({ maxConnections: 1 });
    const caller = new AbortController();
    fake.on('GET', 'hung', stall);
    const hung = failureOf(() => get(transport, '/v1/hung', caller.signal));
    await fake.requested('GET', 'hung');
    fake.on('GET', 'next', json(200, {}));
    const next = get(transport, '/v1/next');
    caller.abort(reason);
    expect(await hung).toBe(reason);
    expect(await next).toMatchObject({ status: 200 });
  });
});

describe('R-CONF-20 addresses that are not public', () => {
  it.each(['https://127.0.0.1:8200', 'https://[::1]:8200', 'https://10.0.0.1', 'https://[::ffff:169.254.169.254]'])(
    '%s is not even tried',
    (origin) => {
      expect(() => connect({ origin, allowPrivateAddresses: false })).toThrow(
        expect.objectContaining({ class: 'address-not-allowed' }) as Error,
      );
    },
  );

  it('a name is checked by what it resolves to, when the connection is made', async () => {
    const before = fake.requests.length;
    const transport = connect({ origin: `https://localhost:${fake.port}`, allowPrivateAddresses: false });
    expect(await failureOf(() => get(transport))).toMatchObject({
      class: 'address-not-allowed',
      details: { fields: ['address'], accessDataReason: 'CANNOT_PARSE_DATA' },
    });
    expect(fake.requests).toHaveLength(before);
    expect(fake.connections).toBe(0);
  });

  it('the same name may be used where private addresses are allowed', async () => {
    fake.on('GET', 'sys/health', json(200, {}));
    expect(await get(connect({ origin: `https://localhost:${fake.port}` }))).toMatchObject({ status: 200 });
  });
});

describe('close', () => {
  it('lets a running request end, and every caller waits for that', async () => {
    const transport = connect();
    const held = hold(json(200, { late: true }));
    fake.on('GET', 'held', held.reply);
    const request = get(transport, '/v1/held');
    await fake.requested('GET', 'held');
    let ended = 0;
    const closing = [transport.close(), transport.close()].map((close) => close.then(() => (ended += 1)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(0);
    held.release();
    expect(await request).toMatchObject({ status: 200 });
    await Promise.all(closing);
    await until('the connection ends', () => fake.connections === 0);
  });

  it('ends a request that hangs after 3 s', async () => {
    const transport = connect();
    fake.on('GET', 'hangs', stall);
    const request = failureOf(() => get(transport, '/v1/hangs'));
    await fake.requested('GET', 'hangs');
    await transport.close();
    expect(await request).toMatchObject({ class: 'unreachable' });
  });

  it('leaves nothing to be used', async () => {
    const transport = connect();
    await transport.close();
    expect(await failureOf(() => get(transport))).toMatchObject({ class: 'unreachable' });
  });
});
