import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

import {
  DENIED_BY_POLICY,
  errors,
  json,
  type Reply,
  text,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../../support/fake-openbao.ts';
import { until } from '../../../support/until.ts';
import { FIRST_REQUEST, NAMES, openProcessIdentity, USE } from './process-identity.ts';

describe.each(NAMES)('an identity by %s', (name) => {
  const [verb, path] = FIRST_REQUEST[name];

  it.each<[string, Reply]>([
    ['a page', text(403, '<html>Forbidden</html>', { 'content-type': 'text/html' })],
    ['JSON of its own', json(403, { message: 'permission denied' })],
    ['nothing', text(403, '')],
  ])(
    'R-AUTH-20 that is denied by a proxy with %s: no refusal, and it serves once the proxy lets it',
    async (_, reply) => {
      await using stage = await openProcessIdentity(name);
      stage.fake.on(verb, path, reply);
      for (let call = 0; call < 3; call += 1) expect(await stage.use()).toBe('not-an-openbao-answer');
      stage.fake.on(verb, path, goodAnswer(name));
      stage.clock.advance(360_000);
      expect(await stage.use()).toBe('ok');
    },
  );

  it('R-AUTH-20 whose use is denied by a proxy: no refusal, no look and no further login', async () => {
    await using stage = await openProcessIdentity(name);
    expect(await stage.use()).toBe('ok');
    const before = stage.fake.requests.length;
    stage.fake.on('GET', USE, text(403, '<html>Forbidden</html>'));
    expect(await stage.use()).toBe('not-an-openbao-answer');
    expect(stage.fake.requests.slice(before).map((request) => request.path)).toEqual([USE]);
  });

  it('R-AUTH-20 R-SEC-04 that is turned away by a TLS alert before the server has shown who it is: no refusal', async () => {
    await using alerting = await alertingServer();
    await using stage = await openProcessIdentity(name, { at: alerting.address });
    const use = stage.use();
    // The failure of a connection is tried again, after pauses of the clock.
    const over = { seen: false };
    void use.then(() => (over.seen = true));
    await until('the end of the call', () => {
      if (stage.clock.pending.some((ms) => ms < 200)) stage.clock.advance(200);
      return over.seen;
    });
    expect(await use).toBe('tls-failure');
    expect(alerting.hellos).toBeGreaterThan(0);
    expect(stage.fake.attempts).toBe(0);
  });
});

describe('what OpenBao denies on the way to a credential', () => {
  it.each<[string, Reply]>([
    ['by policy', errors(403, DENIED_BY_POLICY)],
    ['by the bare text', errors(403, TOKEN_IS_DEAD)],
    ['with a text that nobody knows', errors(400, 'wrapping is out of season')],
    [
      'as a route that does not exist',
      errors(404, 'no handler for route "sys/wrapping/lookup". route entry not found.'),
    ],
    ['as a method that is not allowed', errors(405, '1 error occurred:\n\t* unsupported operation\n\n')],
  ])('R-AUTH-20 R-AUTH-34 %s is no verdict on the caller', async (_name, reply) => {
    for (const path of ['sys/wrapping/lookup', 'sys/wrapping/unwrap']) {
      await using stage = await openProcessIdentity('wrapped');
      stage.fake.on('POST', path, reply);
      expect(await stage.use()).toBe('server-error');
      expect(stage.count('auth/approle/login')).toBe(0);
      expect(stage.log.entries('login to OpenBao failed')).toMatchObject([{ class: 'server-error' }]);
    }
  });
});

/** What lets the first request of a method through. */
function goodAnswer(name: (typeof NAMES)[number]): Reply {
  const others: Partial<Record<typeof name, Reply>> = {
    wrapped: json(200, { data: { creation_path: 'auth/approle/role/cmk/secret-id' } }),
    token: json(200, { data: { ttl: 600, renewable: true } }),
  };
  return others[name] ?? tokenAnswer('t1', 600);
}

/** Answers every greeting with the alert `handshake_failure`, as a server or a device on the way may. */
async function alertingServer() {
  let hellos = 0;
  const alert = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      hellos += 1;
      socket.end(alert);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get hellos() {
      return hellos;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
