import { performance } from 'node:perf_hooks';

import { stringify } from 'yaml';

import { parseConfiguration } from '../../../src/config/parse.ts';
import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import type { CallAccess, KeystoreCall } from '../../../src/keystore/keystore.ts';
import { TransitKeystore } from '../../../src/openbao/transit-keystore.ts';
import {
  cut,
  DENIED_BY_POLICY,
  errors,
  type FakeOpenBao,
  hold,
  json,
  keyAnswer,
  noContent,
  type Reply,
  stall,
  startFakeOpenBao,
  text,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import { createAuthority, type Identity } from '../../support/pki.ts';
import { recordLog } from '../../support/record-log.ts';
import { until } from '../../support/until.ts';

const KEY = 'transit/keys/k';
const ENCRYPT = 'transit/encrypt/k';
const DECRYPT = 'transit/decrypt/k';
const REWRAP = 'transit/rewrap/k';
const MOUNT = 'sys/internal/ui/mounts/transit';
const HEALTH = 'sys/health';

const CIPHERTEXT = `vault:v1:${Buffer.alloc(32, 1).toString('base64')}`;
const encrypted = (ciphertext: unknown, version: unknown): Reply =>
  json(200, { request_id: 'r-encrypt', data: { ciphertext, key_version: version } });
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

let fake: FakeOpenBao;
let tenants: Identity[];

beforeAll(async () => {
  const authority = await createAuthority();
  tenants = [await authority.issue({ commonName: 'tenant-1' }), await authority.issue({ commonName: 'tenant-2' })];
});
beforeEach(async () => {
  fake = await startFakeOpenBao();
  fake.on('POST', 'auth/cert/login', tokenAnswer('t1', 3600));
  fake.on('POST', 'auth/token/revoke-self', noContent);
  fake.on('GET', 'auth/token/lookup-self', json(200, { data: {} }));
  fake.on('GET', KEY, keyAnswer('k'));
  fake.on('POST', ENCRYPT, encrypted(CIPHERTEXT, 1));
  fake.on('POST', DECRYPT, json(200, { request_id: 'r-decrypt', data: { plaintext: 'aGVsbG8=' } }));
  fake.on('POST', REWRAP, encrypted(CIPHERTEXT, 1));
  fake.on('GET', HEALTH, json(200, { sealed: false, version: '2.7.2' }));
});
afterEach(async () => {
  await until('all connections are closed', () => fake.connections === 0);
  await fake[Symbol.asyncDispose]();
});

interface Stage extends AsyncDisposable {
  readonly keystore: TransitKeystore;
  call(changes?: Partial<Omit<KeystoreCall, 'access'>> & { access?: CallAccess; tenant?: number }): KeystoreCall;
}

/** A keystore whose calls bring their certificate. */
function openKeystore(changes: Record<string, unknown> = {}): Stage {
  const configuration = parseConfiguration(
    stringify({
      development: true,
      openbao: { allowedAddresses: [{ pattern: fake.address, ca: { value: fake.caPem }, privateAddresses: true }] },
      ...changes,
    }),
    { type: 'KeystoreInstanceKeyOperation' },
  );
  const read = (ref: { source: string; value?: Secret }): Promise<Secret> =>
    Promise.resolve(ref.value ?? new Secret('s'));
  const keystore = new TransitKeystore({ configuration, log: recordLog().log, read });
  return {
    keystore,
    call: ({ access, tenant = 0, ...others } = {}) => {
      const { certificatePem, privateKeyPem } = tenants[tenant]!;
      const certificate = { certificateChainPem: certificatePem, privateKeyPem: new Secret(privateKeyPem) };
      return {
        access: { address: fake.address, certificate, ...access },
        signal: new AbortController().signal,
        deadline: performance.now() + 10_000,
        trace: { openbaoRequestIds: [] },
        ...others,
      };
    },
    [Symbol.asyncDispose]: () => keystore.close(),
  };
}

const PLAIN = { keyId: 'k', plaintext: Buffer.from('hello') };
const CIPHER = { keyId: 'k', ciphertext: Buffer.from(CIPHERTEXT) };

describe('R-CRYPTO-03 an answer to an encrypt that disagrees', () => {
  it.each<[string, Reply, number | undefined, string]>([
    ['in the version of the text', encrypted(CIPHERTEXT.replace('v1', 'v2'), 1), undefined, 'malformed-answer'],
    ['in the version asked for', encrypted(CIPHERTEXT, 1), 2, 'malformed-answer'],
    ['in both', encrypted(CIPHERTEXT.replace('v1', 'v3'), 3), 2, 'malformed-answer'],
    ['by a version that is a text', encrypted(CIPHERTEXT, '1'), undefined, 'malformed-answer'],
    ['by no version', encrypted(CIPHERTEXT, undefined), undefined, 'malformed-answer'],
    ['by a text that is no ciphertext', encrypted('vault:v1:AAAA', 1), undefined, 'malformed-answer'],
    ['by the plaintext itself', encrypted(Buffer.from('hello').toString('base64'), 1), undefined, 'malformed-answer'],
    ['by a ciphertext that is no text', encrypted([CIPHERTEXT], 1), undefined, 'malformed-answer'],
    ['by no data', json(200, { request_id: 'r' }), undefined, 'malformed-answer'],
    ['by data that is a list', json(200, { data: [CIPHERTEXT] }), undefined, 'malformed-answer'],
    ['by characters beyond ASCII', encrypted(`${CIPHERTEXT}\u0141`, 1), undefined, 'malformed-answer'],
    ['by a page', text(200, '<html>'), undefined, 'not-an-openbao-answer'],
    ['by success without a body, as a store of another kind', noContent, undefined, 'mount-not-found'],
    ['by a size beyond the limit', encrypted('x'.repeat(70_000), 1), undefined, 'malformed-answer'],
  ])('%s is refused', async (_name, reply, keyVersion, errorClass) => {
    await using stage = openKeystore({ limits: { maxAnswerBytes: 65_536, maxPlaintextBytes: 1024 } });
    fake.on('POST', ENCRYPT, reply);
    const input = { ...PLAIN, ...(keyVersion === undefined ? {} : { keyVersion }) };
    expect(await failure(stage.keystore.encrypt(stage.call(), input))).toMatchObject({ class: errorClass });
    expect(fake.seen('POST', ENCRYPT)).toHaveLength(1);
  });

  it('is refused for a rewrap just as well', async () => {
    await using stage = openKeystore();
    fake.on('POST', REWRAP, encrypted(CIPHERTEXT.replace('v1', 'v2'), 1));
    expect(await failure(stage.keystore.rewrap(stage.call(), CIPHER))).toMatchObject({ class: 'malformed-answer' });
  });
});

describe('an answer to a decrypt', () => {
  it.each<[string, Reply]>([
    ['without a plaintext', json(200, { data: {} })],
    ['with a plaintext that is no text', json(200, { data: { plaintext: 7 } })],
    ['with a plaintext that is no base64', json(200, { data: { plaintext: '?*?*' } })],
    ['with a plaintext that is half base64', json(200, { data: { plaintext: 'aGVsbG8=?*?*' } })],
  ])('%s is refused', async (_name, reply) => {
    await using stage = openKeystore();
    fake.on('POST', DECRYPT, reply);
    expect(await failure(stage.keystore.decrypt(stage.call(), CIPHER))).toMatchObject({ class: 'malformed-answer' });
  });

  it('R-SEC-01 comes in a buffer of its own, which can be wiped', async () => {
    await using stage = openKeystore();
    const { plaintext, keyVersion } = await stage.keystore.decrypt(stage.call(), CIPHER);
    expect([plaintext.toString(), keyVersion]).toEqual(['hello', 1]);
    expect(plaintext.buffer.byteLength).toBe(plaintext.length);
  });
});

describe('what is sent', () => {
  it('R-CIPHER-02 is nothing for a ciphertext that is malformed', async () => {
    await using stage = openKeystore();
    const input = { keyId: 'k', ciphertext: Buffer.from(`${CIPHERTEXT}\n`) };
    for (const operation of ['decrypt', 'rewrap'] as const) {
      expect(await failure(stage.keystore[operation](stage.call(), input))).toMatchObject({
        class: 'invalid-ciphertext',
      });
    }
    expect(fake.requests).toEqual([]);
  });

  it('R-CRYPTO-05 carries associated data, and none for empty data', async () => {
    await using stage = openKeystore();
    const { keystore } = stage;
    await keystore.encrypt(stage.call(), { ...PLAIN, associatedData: Buffer.from('a'), keyVersion: 1 });
    await keystore.encrypt(stage.call(), { ...PLAIN, associatedData: Buffer.alloc(0) });
    expect(fake.seen('POST', ENCRYPT).map(({ body }) => body)).toEqual([
      { plaintext: 'aGVsbG8=', associated_data: 'YQ==', key_version: 1 },
      { plaintext: 'aGVsbG8=' },
    ]);
  });

  it('R-CRYPTO-07 for a rewrap without associated data is the ciphertext only', async () => {
    await using stage = openKeystore();
    await stage.keystore.rewrap(stage.call(), CIPHER);
    await stage.keystore.rewrap(stage.call(), { ...CIPHER, associatedData: Buffer.alloc(0) });
    expect(fake.seen('POST', REWRAP).map(({ body }) => body)).toEqual([
      { ciphertext: CIPHERTEXT },
      { ciphertext: CIPHERTEXT },
    ]);
    expect([fake.seen('POST', DECRYPT), fake.seen('POST', ENCRYPT)]).toEqual([[], []]);
  });

  it.each<[string, string | undefined, string | undefined, string | undefined, string | undefined]>([
    ['bound stays bound', 'a', undefined, 'YQ==', 'YQ=='],
    ['bound anew', 'a', 'b', 'YQ==', 'Yg=='],
    ['bound for the first time', undefined, 'b', undefined, 'Yg=='],
    ['unbound', 'a', '', 'YQ==', undefined],
  ])('R-CRYPTO-08 for a rewrap with associated data: %s', async (_name, old, fresh, sentOld, sentNew) => {
    await using stage = openKeystore();
    await stage.keystore.rewrap(stage.call(), {
      ...CIPHER,
      ...(old === undefined ? {} : { associatedData: Buffer.from(old) }),
      ...(fresh === undefined ? {} : { newAssociatedData: Buffer.from(fresh) }),
    });
    expect(fake.seen('POST', DECRYPT)[0]?.body.associated_data).toBe(sentOld);
    expect(fake.seen('POST', ENCRYPT)[0]?.body).toEqual({
      plaintext: 'aGVsbG8=',
      ...(sentNew === undefined ? {} : { associated_data: sentNew }),
    });
    expect(fake.seen('POST', REWRAP)).toEqual([]);
  });

  it('R-CRYPTO-13 carries the request id of the caller, and the answers bring theirs', async () => {
    await using stage = openKeystore();
    const call = stage.call({ requestId: 'caller-1' });
    await stage.keystore.rewrap(call, { ...CIPHER, associatedData: Buffer.from('a') });
    expect(call.trace.openbaoRequestIds).toEqual(['r-decrypt', 'r-encrypt']);
    const [decrypt, encrypt] = [fake.seen('POST', DECRYPT)[0], fake.seen('POST', ENCRYPT)[0]];
    expect([decrypt, encrypt].map((request) => request?.headers['x-correlation-id'])).toEqual(['caller-1', 'caller-1']);
  });

  it('R-CRYPTO-13 a failure brings its request id too', async () => {
    await using stage = openKeystore();
    fake.on('POST', ENCRYPT, json(400, { request_id: 'r-failed', errors: ['refusing to use soft-deleted key'] }));
    const call = stage.call();
    await failure(stage.keystore.encrypt(call, PLAIN));
    expect(call.trace.openbaoRequestIds).toEqual(['r-failed']);
  });
});

describe('R-AUTH-04 two identities', () => {
  it('have connections, logins and tokens of their own', async () => {
    await using stage = openKeystore();
    fake.on('POST', 'auth/cert/login', tokenAnswer('first', 3600), tokenAnswer('second', 3600));
    for (const tenant of [0, 1, 0, 1]) await stage.keystore.describeKey(stage.call({ tenant }), 'k');
    const used = new Map<string, Set<string>>();
    for (const { clientCertificate, connection, token } of fake.requests) {
      const of = used.get(clientCertificate) ?? new Set();
      used.set(clientCertificate, of.add(`connection ${connection}`).add(`token ${token ?? 'none'}`));
    }
    expect(used.size).toBe(2);
    const [one, two] = [...used.values()];
    expect([...one!].filter((thing) => thing !== 'token none' && two!.has(thing))).toEqual([]);
    expect(fake.seen('POST', 'auth/cert/login')).toHaveLength(2);
  });

  it('do not wait for each other: one whose server hangs takes up its own turns only', async () => {
    await using stage = openKeystore({
      limits: { maxConcurrentCalls: 2, maxConcurrentCallsPerSession: 1, readBudgetMs: 10_000 },
    });
    const { keystore, call } = stage;
    fake.on('POST', ENCRYPT, (response, request) => {
      if (request.token === 'second') encrypted(CIPHERTEXT, 1)(response, request);
    });
    fake.on('POST', 'auth/cert/login', tokenAnswer('first', 3600), tokenAnswer('second', 3600));
    const gone = new AbortController();
    const hanging = Array.from({ length: 5 }, () => failure(keystore.encrypt(call({ signal: gone.signal }), PLAIN)));
    await fake.requested('POST', ENCRYPT);
    expect(await keystore.encrypt(call({ tenant: 1 }), PLAIN)).toMatchObject({ keyVersion: 1 });
    gone.abort(new KeystoreError('cancelled', 'gone'));
    await Promise.all(hanging);
  });

  it('R-AUTH-02 a certificate and a key that do not belong together send nothing', async () => {
    await using stage = openKeystore();
    const [a, b] = [tenants[0]!, tenants[1]!];
    const certificate = { certificateChainPem: a.certificatePem, privateKeyPem: new Secret(b.privateKeyPem) };
    const call = stage.call({ access: { certificate } });
    expect(await failure(stage.keystore.describeKey(call, 'k'))).toMatchObject({ class: 'invalid-access-data' });
    expect(fake.requests).toEqual([]);
  });

  it('the one that was used least recently is logged out when there are too many', async () => {
    await using stage = openKeystore({ limits: { maxSessions: 1 } });
    await stage.keystore.describeKey(stage.call(), 'k');
    await stage.keystore.describeKey(stage.call({ tenant: 1 }), 'k');
    await fake.requested('POST', 'auth/token/revoke-self');
  });
});

describe('a key that is not there', () => {
  const kind = (type: string): Reply => json(200, { data: { type } });

  it.each<[string, Reply, Reply | undefined, string]>([
    ['of a Transit mount', errors(404), kind('transit'), 'key-not-found'],
    ['of a KV mount', errors(404), kind('kv'), 'mount-not-found'],
    ['of a mount that nobody tells of', errors(404), errors(404, 'x'), 'mount-not-found'],
    ['of a mount that is denied', errors(404), errors(403, DENIED_BY_POLICY), 'permission-denied'],
    ['of a mount that cannot be asked about', errors(404), errors(503, 'Vault is sealed'), 'sealed'],
    ['of a mount that is limited', errors(404), errors(429, 'quota exceeded'), 'rate-limited'],
    ['of no mount', errors(404, 'no handler for route "x". route entry not found.'), undefined, 'mount-not-found'],
    ['of no namespace', errors(404, 'namespace not found'), undefined, 'namespace-not-found'],
    [
      'of KV version 2',
      json(404, { request_id: 'r', data: null, warnings: ['Invalid path'] }),
      undefined,
      'mount-not-found',
    ],
    ['by a page', text(404, '<html>'), undefined, 'not-an-openbao-answer'],
  ])('R-KEY-04 R-KEY-05 %s', async (_name, read, mount, errorClass) => {
    await using stage = openKeystore();
    fake.on('GET', KEY, read);
    if (mount !== undefined) fake.on('GET', MOUNT, mount);
    expect(await failure(stage.keystore.describeKey(stage.call(), 'k'))).toMatchObject({ class: errorClass });
    expect(fake.seen('GET', MOUNT).length > 0).toBe(mount !== undefined);
  });

  it.each<[string, Reply, string]>([
    ['missing', errors(404), 'key-not-found'],
    ['there', keyAnswer('k'), 'permission-denied'],
    ['denied too', errors(403, DENIED_BY_POLICY), 'permission-denied'],
    ['not to be told', errors(503, 'Vault is sealed'), 'permission-denied'],
  ])('R-CRYPTO-10 an encrypt that is denied, with the key %s, is %#', async (_name, read, errorClass) => {
    await using stage = openKeystore();
    fake.on('POST', ENCRYPT, errors(403, DENIED_BY_POLICY));
    fake.on('GET', KEY, read);
    fake.on('GET', MOUNT, kind('transit'));
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: errorClass });
  });

  it('R-ERR-12 a decrypt that is denied names path and capability', async () => {
    await using stage = openKeystore();
    fake.on('POST', DECRYPT, errors(403, DENIED_BY_POLICY));
    expect(await failure(stage.keystore.decrypt(stage.call(), CIPHER))).toMatchObject({
      class: 'permission-denied',
      details: { policyPath: DECRYPT, capability: 'update' },
    });
  });
});

describe('R-KEY-11 equal reads under way at the same time', () => {
  it('share a request, and none is lost with the caller that began it', async () => {
    await using stage = openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    const before = fake.seen('GET', KEY).length;
    const held = hold(keyAnswer('k'));
    fake.on('GET', KEY, held.reply, keyAnswer('k', { soft_deleted: true }));
    const gone = new AbortController();
    const first = failure(stage.keystore.describeKey(stage.call({ signal: gone.signal }), 'k'));
    await fake.requested('GET', KEY, before + 1);
    const others = Array.from({ length: 10 }, () => stage.keystore.describeKey(stage.call(), 'k'));
    gone.abort(new KeystoreError('cancelled', 'gone'));
    expect(await first).toMatchObject({ class: 'cancelled' });
    held.release();
    // R-KEY-10: they came after the first was sent, so they see what happened since.
    expect((await Promise.all(others)).map(({ state }) => state)).toEqual(Array(10).fill('DISABLED'));
    expect(fake.seen('GET', KEY)).toHaveLength(before + 2);
  });

  it('end in time for all, even if the caller that began has more', async () => {
    await using stage = openKeystore({ limits: { readBudgetMs: 100 } });
    await stage.keystore.describeKey(stage.call(), 'k');
    fake.on('GET', KEY, stall);
    expect(await failure(stage.keystore.describeKey(stage.call(), 'k'))).toMatchObject({ class: 'deadline-exceeded' });
  });
});

describe('R-ERR-13 repetition', () => {
  it.each<[string, Reply]>([
    ['a connection that was cut', cut],
    ['no active node', text(307, '')],
    ['a gateway', text(502, '')],
    ['an internal error', errors(500, '1 error occurred:\n\t* internal error\n\n')],
  ])('after %s the call succeeds', async (_name, reply) => {
    await using stage = openKeystore();
    fake.on('POST', ENCRYPT, reply, encrypted(CIPHERTEXT, 1));
    expect(await stage.keystore.encrypt(stage.call(), PLAIN)).toMatchObject({ keyVersion: 1 });
    expect(fake.seen('POST', ENCRYPT)).toHaveLength(2);
  });

  it.each<[string, Reply, string]>([
    ['a refusal', errors(400, 'refusing to use soft-deleted key'), 'key-disabled'],
    ['a mistake that comes as 500', errors(500, '1 error occurred:\n\t* failed to RSA encrypt\n\n'), 'invalid-request'],
    ['a rate limit', errors(429, 'quota'), 'rate-limited'],
    ['a seal', errors(503, 'Vault is sealed'), 'sealed'],
  ])('after %s there is none', async (_name, reply, errorClass) => {
    await using stage = openKeystore();
    fake.on('POST', ENCRYPT, reply);
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: errorClass });
    expect(fake.seen('POST', ENCRYPT)).toHaveLength(1);
  });

  it('there is none without the time for it', async () => {
    await using stage = openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    fake.on('POST', ENCRYPT, cut);
    const call = stage.call({ deadline: performance.now() + 15 });
    expect(await failure(stage.keystore.encrypt(call, PLAIN))).toMatchObject({ class: 'unreachable' });
    expect(fake.seen('POST', ENCRYPT)).toHaveLength(1);
  });
});

describe('R-ERR-08 a caller that goes away', () => {
  it('ends its request', async () => {
    await using stage = openKeystore();
    fake.on('POST', ENCRYPT, stall);
    const gone = new AbortController();
    const call = failure(stage.keystore.encrypt(stage.call({ signal: gone.signal }), PLAIN));
    await fake.requested('POST', ENCRYPT);
    const reason = new KeystoreError('cancelled', 'the caller went away');
    gone.abort(reason);
    expect(await call).toBe(reason);
  });

  it('leaves the calls of others alone', async () => {
    await using stage = openKeystore();
    const held = hold(encrypted(CIPHERTEXT, 1));
    fake.on('POST', ENCRYPT, held.reply);
    const gone = new AbortController();
    const calls = [
      failure(stage.keystore.encrypt(stage.call({ signal: gone.signal }), PLAIN)),
      stage.keystore.encrypt(stage.call(), PLAIN),
    ];
    await fake.requested('POST', ENCRYPT, 2);
    gone.abort(new KeystoreError('cancelled', 'gone'));
    held.release();
    const [lost, kept] = await Promise.all(calls);
    expect(lost).toMatchObject({ class: 'cancelled' });
    expect(kept).toMatchObject({ keyVersion: 1 });
  });
});

describe('R-ERR-07 more calls than are allowed', () => {
  it('are refused at once', async () => {
    await using stage = openKeystore({ limits: { maxConcurrentCallsPerSession: 1, maxQueuedCalls: 1 } });
    fake.on('POST', ENCRYPT, stall);
    const gone = new AbortController();
    const calls = [0, 1].map(() => failure(stage.keystore.encrypt(stage.call({ signal: gone.signal }), PLAIN)));
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: 'overloaded' });
    gone.abort(new KeystoreError('cancelled', 'gone'));
    await Promise.all(calls);
  });
});

describe('health', () => {
  it('R-CRYPTO-22 of an address that no call has used is not asked for', async () => {
    await using stage = openKeystore();
    expect(await stage.keystore.checkHealth(stage.call(), { deep: false })).toMatchObject({
      state: 'UNKNOWN',
      endpoints: [],
    });
    expect(fake.requests).toEqual([]);
    await stage.keystore.describeKey(stage.call(), 'k');
    expect(await stage.keystore.checkHealth(stage.call(), { deep: false })).toMatchObject({
      state: 'ACTIVE',
      providerVersion: '2.7.2',
      endpoints: [{ id: `127.0.0.1:${fake.port}`, role: 'active' }],
    });
    expect(await stage.keystore.checkHealth(stage.call({ tenant: 1 }), { deep: false })).toMatchObject({
      state: 'UNKNOWN',
    });
  });

  it('R-CRYPTO-22 of an address that is not allowed is refused like any other call', async () => {
    await using stage = openKeystore();
    const call = stage.call({ access: { address: 'https://127.0.0.1:1' } });
    expect(await failure(stage.keystore.checkHealth(call, { deep: false }))).toMatchObject({
      class: 'address-not-allowed',
    });
  });

  it('R-CRYPTO-23 deep, without a test key, proves the login', async () => {
    await using stage = openKeystore();
    expect(await stage.keystore.checkHealth(stage.call(), { deep: true })).toMatchObject({ state: 'ACTIVE' });
    expect(fake.seen('POST', 'auth/cert/login')).toHaveLength(1);
    fake.on('POST', 'auth/cert/login', errors(400, 'invalid certificate'));
    expect(await failure(stage.keystore.checkHealth(stage.call({ tenant: 1 }), { deep: true }))).toMatchObject({
      class: 'login-refused',
    });
  });

  it('R-CRYPTO-23 deep, with a test key, proves a round trip', async () => {
    await using stage = openKeystore({ crypto: { testKey: 'k' } });
    const plaintexts: unknown[] = [];
    fake.on('POST', ENCRYPT, (response, request) => {
      plaintexts.push(request.body.plaintext);
      encrypted(CIPHERTEXT, 1)(response, request);
    });
    fake.on('POST', DECRYPT, (response, request) =>
      json(200, { data: { plaintext: plaintexts.at(-1) } })(response, request),
    );
    expect(await stage.keystore.checkHealth(stage.call(), { deep: true })).toMatchObject({ state: 'ACTIVE' });
    await stage.keystore.checkHealth(stage.call(), { deep: true });
    expect(new Set(plaintexts).size).toBe(2);
    fake.on('POST', DECRYPT, json(200, { data: { plaintext: 'aGVsbG8=' } }));
    expect(await failure(stage.keystore.checkHealth(stage.call(), { deep: true }))).toMatchObject({
      class: 'malformed-answer',
    });
  });
});

describe('the end of a keystore', () => {
  it('R-AUTH-22 R-PROC-25 lets running calls end, logs out all identities, and leaves no connection', async () => {
    const stage = openKeystore();
    await stage.keystore.describeKey(stage.call({ tenant: 1 }), 'k');
    const held = hold(encrypted(CIPHERTEXT, 1));
    fake.on('POST', ENCRYPT, held.reply);
    const call = stage.keystore.encrypt(stage.call(), PLAIN);
    await fake.requested('POST', ENCRYPT);
    const closing = stage.keystore.close();
    held.release();
    expect(await call).toMatchObject({ keyVersion: 1 });
    await closing;
    expect(fake.seen('POST', 'auth/token/revoke-self')).toHaveLength(2);
  });

  it('R-PROC-25 lets calls that wait for their turn end as well', async () => {
    const stage = openKeystore({ limits: { maxConcurrentCalls: 1 } });
    const held = hold(encrypted(CIPHERTEXT, 1));
    fake.on('POST', ENCRYPT, held.reply);
    const calls = [0, 1, 1].map((tenant) => stage.keystore.encrypt(stage.call({ tenant }), PLAIN));
    await fake.requested('POST', ENCRYPT);
    const closing = stage.keystore.close();
    held.release();
    expect(await Promise.all(calls)).toHaveLength(3);
    await closing;
    expect(fake.seen('POST', 'auth/token/revoke-self')).toHaveLength(2);
  });

  it('takes no longer than its signal allows', async () => {
    const stage = openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    fake.on('POST', 'auth/token/revoke-self', stall);
    const limit = new AbortController();
    const closing = stage.keystore.close(limit.signal);
    await fake.requested('POST', 'auth/token/revoke-self');
    limit.abort(new Error('out of time'));
    await closing;
  });

  it('R-AUTH-23 once quiet it logs nobody in, and serves those who are', async () => {
    await using stage = openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.keystore.quiesce();
    stage.keystore.quiesce();
    expect(await stage.keystore.describeKey(stage.call(), 'k')).toMatchObject({ keyId: 'k' });
    expect(await failure(stage.keystore.describeKey(stage.call({ tenant: 1 }), 'k'))).toMatchObject({
      class: 'stopping',
    });
  });

  it('a token that is dead then is not replaced', async () => {
    await using stage = openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.keystore.quiesce();
    fake.on('GET', KEY, errors(403, TOKEN_IS_DEAD));
    fake.on('GET', 'auth/token/lookup-self', errors(403, TOKEN_IS_DEAD));
    expect(await failure(stage.keystore.describeKey(stage.call(), 'k'))).toMatchObject({ class: 'stopping' });
  });
});
