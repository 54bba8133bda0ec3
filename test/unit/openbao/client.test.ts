import type { OpenBaoClient } from '../../../src/openbao/client.ts';
import { createTransport } from '../../../src/openbao/transport.ts';
import { errors, type FakeOpenBao, json, noContent, startFakeOpenBao } from '../../support/fake-openbao.ts';

const VARIABLES = {
  VAULT_ADDR: 'https://elsewhere:8200',
  VAULT_TOKEN: 'CANARY-token',
  VAULT_NAMESPACE: 'canary-namespace',
  VAULT_PREFIX: '/canary-prefix',
  VAULT_SKIP_VERIFY: '1',
  DEBUG: '*',
};
const signal = new AbortController().signal;

let fake: FakeOpenBao;
let client: OpenBaoClient;

beforeAll(async () => {
  fake = await startFakeOpenBao();
  Object.assign(process.env, VARIABLES);
  // After the variables, since some of them are read once, when node-vault is loaded.
  const { createOpenBaoClient } = await import('../../../src/openbao/client.ts');
  client = createOpenBaoClient(
    fake.address,
    createTransport({
      origin: fake.address,
      ca: fake.caPem,
      allowPrivateAddresses: true,
      maxConnections: 2,
      connectTimeoutMs: 5000,
      maxAnswerBytes: 10_000,
    }),
  );
});
afterAll(async () => {
  for (const name of Object.keys(VARIABLES)) Reflect.deleteProperty(process.env, name);
  await client.close();
  await fake[Symbol.asyncDispose]();
});

describe('a request to OpenBao', () => {
  it.each([
    ['read', 'GET', {}],
    ['write', 'POST', { a: 1 }],
    ['delete', 'DELETE', {}],
  ] as const)('to %s is a %s', async (verb, method, body) => {
    fake.on(method, 'm/keys/k', json(200, { data: 1 }));
    const request = { verb, path: 'm/keys/k', namespace: 'a/b', token: 't', requestId: 'r', signal };
    expect(await client.send(verb === 'write' ? { ...request, body } : request)).toMatchObject({ status: 200 });
    expect(fake.seen(method, 'm/keys/k').at(-1)).toMatchObject({
      body,
      headers: { 'x-vault-token': 't', 'x-vault-namespace': 'a/b', 'x-correlation-id': 'r' },
    });
  });

  it('R-SEC-07 takes neither token nor namespace nor prefix nor address from the environment', async () => {
    fake.on('POST', 'auth/approle/login', json(200, {}));
    await client.send({ verb: 'write', path: 'auth/approle/login', body: {}, namespace: '', signal });
    const [seen] = fake.seen('POST', 'auth/approle/login');
    expect(seen?.headers).not.toHaveProperty('x-vault-token');
    expect(seen?.headers).not.toHaveProperty('x-vault-namespace');
  });

  it('keeps nothing from one request for the next', async () => {
    fake.on('GET', 'one', json(200, {}));
    await client.send({ verb: 'read', path: 'one', namespace: 'n', token: 'first', signal });
    await client.send({ verb: 'read', path: 'one', namespace: '', signal });
    await client.send({ verb: 'read', path: 'one', namespace: '', token: 'third', signal });
    expect(fake.seen('GET', 'one').map(({ token, headers }) => [token, headers['x-vault-namespace']])).toEqual([
      ['first', 'n'],
      [undefined, undefined],
      ['third', undefined],
    ]);
  });

  it.each([204, 307, 400, 403, 404, 429, 500, 503])('resolves with a %i like with any other answer', async (status) => {
    fake.on('GET', 'two', status === 204 ? noContent : errors(status, 'x'));
    expect(await client.send({ verb: 'read', path: 'two', namespace: '', signal })).toMatchObject({ status });
  });

  it('R-PROC-42 prints nothing, whatever DEBUG says', async () => {
    const written: string[] = [];
    const writes = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation((text) => written.push(String(text)) > 0),
    );
    fake.on('POST', 'three', json(200, {}));
    await client.send({ verb: 'write', path: 'three', body: { plaintext: 'CANARY' }, namespace: '', signal });
    for (const write of writes) write.mockRestore();
    expect(written.join()).not.toContain('CANARY');
  });
});
