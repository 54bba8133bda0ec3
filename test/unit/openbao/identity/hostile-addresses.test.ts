import { networkInterfaces } from 'node:os';

import { status } from '@grpc/grpc-js';

import { noContent, startFakeOpenBao, text, tokenAnswer } from '../../../support/fake-openbao.ts';
import { type AddressStage, openAddressStage, type Outcomes } from './address-stage.ts';
import { MALFORMED, NOT_LISTED, NOT_PUBLIC } from './hostile-addresses.ts';

const INVALID = { code: status.INVALID_ARGUMENT, reason: 'CANNOT_PARSE_DATA' };
/** Public, and given to nobody: whoever connects there gets nowhere. */
const NOBODY = '2d00::1';
const limits = { connectTimeoutMs: 100, readBudgetMs: 2000, loginBudgetMs: 2000 };
const crypto = { testKey: 'k' };

let stage: AddressStage;

beforeAll(async () => {
  stage = await openAddressStage();
});
afterAll(() => stage[Symbol.asyncDispose]());
afterEach(() => {
  stage.names.clear();
});

const here = (address: string): string => address.replaceAll('PORT', String(stage.trap.port));
const titled = (addresses: readonly string[]): [title: string, address: string][] =>
  addresses.map((address) => [JSON.stringify(address).replace(/[^\x20-\x7e]/g, '?'), address]);
const bracketed = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

/** What becomes of connections while something is done. */
async function connectionsOf(work: () => Promise<unknown>): Promise<{ reached: number; begun: string[] }> {
  const { reached, begun } = stage.trap;
  const before = begun.length;
  await work();
  return { reached: stage.trap.reached - reached, begun: begun.slice(before) };
}

/** Calls with an address, which must be refused by all and reach nobody. */
async function expectRefused(address: string, reason: object = INVALID): Promise<void> {
  let outcomes: Outcomes | undefined;
  expect(await connectionsOf(async () => (outcomes = await stage.callAll(address)))).toEqual({ reached: 0, begun: [] });
  const { TransformCryptoAccessData: passedOn, ...refused } = outcomes!;
  expect(passedOn).toBe(0);
  for (const refusal of Object.values(refused)) expect(refusal).toMatchObject(reason);
}

describe('where only names of one domain are allowed', () => {
  beforeAll(() =>
    stage.configure({
      openbao: {
        allowedAddresses: [
          { pattern: here('https://bao.example.com:PORT') },
          { pattern: here('https://*.bao.example.com:PORT') },
        ],
      },
      crypto,
      limits,
    }),
  );

  it.each(titled(MALFORMED))('R-CONF-18 %s is refused by every call and reaches nobody', (_title, address) =>
    expectRefused(here(address)),
  );

  it.each(titled(NOT_LISTED))('R-CONF-19 %s is refused by every call and reaches nobody', (_title, address) =>
    expectRefused(here(address), { ...INVALID, metadata: { detail: 'NOT_ALLOWED' } }),
  );

  it.each(NOT_PUBLIC)(
    'R-CONF-20 a name that resolves to %s reaches nobody, alone or beside a public one',
    async (ip) => {
      for (const answer of [[ip], [NOBODY, ip], [ip, NOBODY]]) {
        stage.names.set('inner.bao.example.com', [answer]);
        const address = here('https://inner.bao.example.com:PORT');
        let outcomes: Outcomes | undefined;
        const connections = await connectionsOf(async () => (outcomes = await stage.callAll(address)));
        expect(connections).toEqual({ reached: 0, begun: [] });
        const notAllowed = { ...INVALID, metadata: { fields: 'address', detail: 'NOT_ALLOWED' } };
        expect(outcomes).toMatchObject({
          GetKey: notAllowed,
          DisableKey: notAllowed,
          GetKeyStatus: notAllowed,
          Encrypt: notAllowed,
          'deep CheckHealth': notAllowed,
          // These resolve no name.
          ValidateKeyAccessData: 'ok',
          TransformCryptoAccessData: 1,
        });
      }
    },
  );

  it('R-CONF-20 a name whose answer changes after it was checked is checked again for each connection', async () => {
    const address = here('https://changing.bao.example.com:PORT');
    const asked = stage.asked.length;
    for (let round = 0; round < 3; round += 1) {
      stage.names.set('changing.bao.example.com', [[NOBODY], ['127.0.0.1'], [NOBODY], ['::1'], ['10.0.0.1']]);
      const { begun, reached } = await connectionsOf(() => stage.callAll(address));
      expect(reached).toBe(0);
      expect(begun.filter((other) => other !== NOBODY)).toEqual([]);
    }
    expect(stage.asked.length - asked).toBeGreaterThanOrEqual(3 * 5);
  });
});

describe('R-CONF-20 where the operator has written the very address and not that it may be private', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .map(({ address }) => address)
    .filter((address) => /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./.test(address));
  const urls = [...NOT_PUBLIC, ...own.slice(0, 5)].map((ip) => `https://${bracketed(ip)}:PORT`);
  const all = [
    ...urls,
    'https://localhost:PORT',
    'http://localhost:PORT',
    'http://127.0.0.1:PORT',
    'http://[::1]:PORT',
  ];

  beforeAll(() =>
    stage.configure({ openbao: { allowedAddresses: all.map((url) => ({ pattern: here(url) })) }, crypto, limits }),
  );

  it.each(all)('%s is refused by every call and reaches nobody', async (url) => {
    stage.names.set('localhost', [['127.0.0.1', '::1']]);
    await expectRefused(here(url), { ...INVALID, metadata: { detail: 'NOT_ALLOWED' } });
  });
});

describe('R-AUTH-03 with an identity of the process', () => {
  const addresses = ['https://127.0.0.1:PORT', 'https://own.example.com:PORT@127.0.0.1:PORT', ...NOT_LISTED];

  beforeAll(() =>
    stage.configure({
      openbao: {
        addresses: ['https://own.example.com:8200'],
        allowedAddresses: [{ pattern: here('https://127.0.0.1:PORT'), privateAddresses: true }],
      },
      auth: { method: 'approle', roleId: 'r', secretId: { value: 'secret' } },
      crypto,
      limits,
    }),
  );

  it.each(addresses)('%s of a call reaches nobody, although an entry allows it', async (address) => {
    let outcomes: Outcomes | undefined;
    const connections = await connectionsOf(async () => (outcomes = await stage.callAll(here(address))));
    expect(connections).toEqual({ reached: 0, begun: [] });
    // A region has an identity of its own: it is described, and not connected to.
    const { TransformCryptoAccessData: _, ...refused } = outcomes!;
    for (const refusal of Object.values(refused)) expect(refusal).toMatchObject(INVALID);
  });
});

describe('where private addresses are allowed', () => {
  it('R-CONF-20 they are reached, by names too: the trap is set, and each connection goes where its one answer says', async () => {
    const allowedAddresses = ['https://127.0.0.2:PORT', 'https://inner.example.org:PORT'].map((url) => ({
      pattern: here(url),
      privateAddresses: true,
    }));
    await stage.configure({ openbao: { allowedAddresses }, crypto, limits });
    const literal = await connectionsOf(() => stage.callAll(here('https://127.0.0.2:PORT')));
    expect(literal.reached).toBeGreaterThan(0);
    expect(literal.reached).toBe(literal.begun.length);
    stage.names.set('inner.example.org', [['127.0.0.3']]);
    const asked = stage.asked.length;
    const named = await connectionsOf(() => stage.callAll(here('https://inner.example.org:PORT')));
    expect(named.reached).toBe(named.begun.length);
    expect(named.reached).toBe(stage.asked.length - asked);
  });

  it.each([301, 302, 303, 307, 308])(
    'R-SEC-05 a server at one that answers everything with %i sends nobody on',
    async (code) => {
      await using fake = await startFakeOpenBao();
      const location = { location: here('https://127.0.0.1:PORT/v1/auth/cert/login') };
      const away = text(code, '', location);
      const paths = [
        ['POST', 'auth/cert/login'],
        ['GET', 'transit/keys/k'],
        ['GET', 'sys/health'],
        ['GET', 'sys/internal/ui/mounts/transit'],
        ['POST', 'transit/encrypt/k'],
        ['DELETE', 'transit/keys/k/soft-delete'],
      ] as const;
      for (const [method, path] of paths) fake.on(method, path, away);
      await stage.configure({
        openbao: { allowedAddresses: [{ pattern: fake.address, ca: { value: fake.caPem }, privateAddresses: true }] },
        crypto,
        limits,
      });
      const atLogin = await connectionsOf(() => stage.callAll(fake.address));
      fake.on('POST', 'auth/cert/login', tokenAnswer('t1', 3600));
      fake.on('POST', 'auth/token/revoke-self', noContent);
      const after = await connectionsOf(() => stage.callAll(fake.address));
      expect([atLogin.reached, after.reached]).toEqual([0, 0]);
      expect(fake.seen('GET', 'transit/keys/k').length).toBeGreaterThan(0);
    },
  );
});
