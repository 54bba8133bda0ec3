import { getEventListeners } from 'node:events';

import { KeystoreError } from '../../../src/keystore/errors.ts';
import { hold, json, stall, text, trickle } from '../../support/fake-openbao.ts';
import { until } from '../../support/until.ts';
import { BEARER, failureOf, get, HEALTH, plainServer, PLAINTEXT, post, useStage } from './transport-fixture.ts';

const stage = useStage();

describe('a request', () => {
  it('R-CONN-01 goes out as it is, over connections that are kept', async () => {
    const transport = stage.connect();
    const path = 'transit/encrypt/kept';
    stage.fake.on('POST', path, json(200, { data: 1 }));
    for (let count = 0; count < 40; count += 1) await post(transport, `/v1/${path}`);
    const seen = stage.fake.seen('POST', path);
    // The pool opens a second one when a request comes in the moment the one before it ends.
    expect(new Set(seen.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
    expect(seen[0]).toMatchObject({ token: BEARER, body: { plaintext: PLAINTEXT } });
  });

  it('R-CONN-01 shares no more connections than are allowed', async () => {
    const transport = stage.connect({ maxConnections: 2 });
    stage.fake.on('GET', 'many', json(200, {}));
    await Promise.all(Array.from({ length: 20 }, () => get(transport, '/v1/many')));
    expect(new Set(stage.fake.seen('GET', 'many').map(({ connection }) => connection)).size).toBe(2);
  });

  it('brings status, body and Retry-After, whatever the status', async () => {
    const transport = stage.connect();
    stage.fake.on('GET', 'limited', json(429, { errors: ['x'] }, { 'retry-after': '2' }));
    expect(await get(transport, '/v1/limited')).toEqual({
      status: 429,
      body: { errors: ['x'] },
      foreignBody: false,
      retryAfterMs: 2000,
    });
    stage.fake.on('GET', 'page', text(200, '<html>'));
    expect(await get(transport, '/v1/page')).toEqual({ status: 200, body: undefined, foreignBody: true });
  });

  it('R-SEC-05 follows no redirect', async () => {
    const transport = stage.connect();
    stage.fake.on('POST', 'from', text(307, '', { location: `${stage.fake.address}/v1/to` }));
    stage.fake.on('POST', 'to', json(200, {}));
    expect(await post(transport, '/v1/from')).toMatchObject({ status: 307 });
    expect(stage.fake.seen('POST', 'to')).toEqual([]);
  });

  it('R-SEC-07 uses no proxy of the environment', async () => {
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : 'http://127.0.0.1:1';
    try {
      stage.fake.on('GET', 'direct', json(200, {}));
      expect(await get(stage.connect(), '/v1/direct')).toMatchObject({ status: 200 });
    } finally {
      for (const name of names) Reflect.deleteProperty(process.env, name);
    }
  });

  it('leaves no listener on the signal of the caller', async () => {
    const transport = stage.connect();
    const { signal } = new AbortController();
    stage.fake.on('GET', 'quiet', json(200, {}));
    for (let count = 0; count < 30; count += 1) await get(transport, '/v1/quiet', signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('R-SEC-06 an answer that is too large', () => {
  it.each([
    ['by its length', text(200, 'x'.repeat(1001), { 'content-length': '1001' })],
    ['in pieces', text(200, 'x'.repeat(5000), { 'transfer-encoding': 'chunked' })],
  ])('%s is refused', async (_name, reply) => {
    const transport = stage.connect();
    stage.fake.on('GET', 'large', reply);
    expect(await failureOf(() => get(transport, '/v1/large'))).toMatchObject({
      class: 'malformed-answer',
      details: { cause: 'ERR_ANSWER_TOO_LARGE' },
    });
  });

  it('is not taken in: a flood without end is refused too', async () => {
    stage.fake.on('GET', 'flood', (response) => {
      response.writeHead(200);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', pour);
      pour();
    });
    expect(await failureOf(() => get(stage.connect(), '/v1/flood'))).toMatchObject({ class: 'malformed-answer' });
    await until('the flood ends', () => stage.fake.connections === 0);
  });

  it('of exactly the size is not', async () => {
    stage.fake.on('GET', 'exact', text(200, JSON.stringify({ x: 'x'.repeat(1000 - 8) })));
    expect(await get(stage.connect(), '/v1/exact')).toMatchObject({ status: 200, foreignBody: false });
  });
});

describe('the signal of the caller', () => {
  const reason = new KeystoreError('deadline-exceeded', 'the call took too long');

  it.each([
    ['an answer that does not come', stall],
    ['an answer that trickles', trickle],
  ])('ends the waiting for %s, and the connection', async (_name, reply) => {
    const transport = stage.connect();
    const caller = new AbortController();
    stage.fake.on('GET', 'slow', reply);
    const request = failureOf(() => get(transport, '/v1/slow', caller.signal));
    await stage.fake.requested('GET', 'slow', stage.fake.seen('GET', 'slow').length + 1);
    caller.abort(reason);
    expect(await request).toBe(reason);
    await until('the connection ends', () => stage.fake.connections === 0);
  });

  it('already aborted sends nothing', async () => {
    const before = stage.fake.requests.length;
    expect(await failureOf(() => get(stage.connect(), HEALTH, AbortSignal.abort(reason)))).toBe(reason);
    expect(stage.fake.requests).toHaveLength(before);
  });

  it('ends the waiting for a connection', async () => {
    await using silent = await plainServer('');
    const caller = new AbortController();
    const transport = stage.connect({ origin: silent.origin, connectTimeoutMs: 200 });
    const request = failureOf(() => get(transport, HEALTH, caller.signal));
    setImmediate(() => caller.abort(reason));
    expect(await request).toBe(reason);
  });

  it('frees the connection for the next request', async () => {
    const transport = stage.connect({ maxConnections: 1 });
    const caller = new AbortController();
    stage.fake.on('GET', 'hung', stall);
    const hung = failureOf(() => get(transport, '/v1/hung', caller.signal));
    await stage.fake.requested('GET', 'hung');
    stage.fake.on('GET', 'next', json(200, {}));
    const next = get(transport, '/v1/next');
    caller.abort(reason);
    expect(await hung).toBe(reason);
    expect(await next).toMatchObject({ status: 200 });
  });
});

describe('close', () => {
  it('lets a running request end, and every caller waits for that', async () => {
    const transport = stage.connect();
    const held = hold(json(200, { late: true }));
    stage.fake.on('GET', 'held', held.reply);
    const request = get(transport, '/v1/held');
    await stage.fake.requested('GET', 'held');
    let ended = 0;
    const closing = [transport.close(), transport.close()].map((close) => close.then(() => (ended += 1)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(0);
    held.release();
    expect(await request).toMatchObject({ status: 200 });
    await Promise.all(closing);
    await until('the connection ends', () => stage.fake.connections === 0);
  });

  it('ends a request that hangs after 3 s', async () => {
    const transport = stage.connect();
    stage.fake.on('GET', 'hangs', stall);
    const request = failureOf(() => get(transport, '/v1/hangs'));
    await stage.fake.requested('GET', 'hangs');
    await transport.close();
    expect(await request).toMatchObject({ class: 'unreachable' });
  });

  it('leaves nothing to be used', async () => {
    const transport = stage.connect();
    await transport.close();
    expect(await failureOf(() => get(transport))).toMatchObject({ class: 'unreachable' });
  });
});
