import { DENIED_BY_POLICY, errors, json, keyAnswer, noContent, type Reply, text } from '../../support/fake-openbao.ts';
import {
  CERT_LOGIN,
  CIPHER,
  CIPHERTEXT,
  DECRYPT,
  ENCRYPT,
  encrypted,
  failure,
  KEY,
  MOUNT,
  openKeystore,
  PLAIN,
  REWRAP,
} from './keystore-fixture.ts';

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
    await using stage = await openKeystore({ limits: { maxAnswerBytes: 65_536, maxPlaintextBytes: 1024 } });
    stage.fake.on('POST', ENCRYPT, reply);
    const input = { ...PLAIN, ...(keyVersion === undefined ? {} : { keyVersion }) };
    expect(await failure(stage.keystore.encrypt(stage.call(), input))).toMatchObject({ class: errorClass });
    expect(stage.fake.seen('POST', ENCRYPT)).toHaveLength(1);
  });

  it('is refused for a rewrap just as well', async () => {
    await using stage = await openKeystore();
    stage.fake.on('POST', REWRAP, encrypted(CIPHERTEXT.replace('v1', 'v2'), 1));
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
    await using stage = await openKeystore();
    stage.fake.on('POST', DECRYPT, reply);
    expect(await failure(stage.keystore.decrypt(stage.call(), CIPHER))).toMatchObject({ class: 'malformed-answer' });
  });

  it('R-SEC-01 comes in a buffer of its own, which can be wiped', async () => {
    await using stage = await openKeystore();
    const { plaintext, keyVersion } = await stage.keystore.decrypt(stage.call(), CIPHER);
    expect([plaintext.toString(), keyVersion]).toEqual(['hello', 1]);
    expect(plaintext.buffer.byteLength).toBe(plaintext.length);
  });
});

describe('what is sent', () => {
  it('R-CIPHER-02 is nothing for a ciphertext that is malformed', async () => {
    await using stage = await openKeystore();
    const input = { keyId: 'k', ciphertext: Buffer.from(`${CIPHERTEXT}\n`) };
    for (const operation of ['decrypt', 'rewrap'] as const) {
      expect(await failure(stage.keystore[operation](stage.call(), input))).toMatchObject({
        class: 'invalid-ciphertext',
      });
    }
    expect(stage.fake.requests).toEqual([]);
  });

  it('R-CRYPTO-05 carries associated data, and none for empty data', async () => {
    await using stage = await openKeystore();
    const { keystore } = stage;
    await keystore.encrypt(stage.call(), { ...PLAIN, associatedData: Buffer.from('a'), keyVersion: 1 });
    await keystore.encrypt(stage.call(), { ...PLAIN, associatedData: Buffer.alloc(0) });
    expect(stage.fake.seen('POST', ENCRYPT).map(({ body }) => body)).toEqual([
      { plaintext: 'aGVsbG8=', associated_data: 'YQ==', key_version: 1 },
      { plaintext: 'aGVsbG8=' },
    ]);
  });

  it('R-CRYPTO-07 for a rewrap without associated data is the ciphertext only', async () => {
    await using stage = await openKeystore();
    await stage.keystore.rewrap(stage.call(), CIPHER);
    await stage.keystore.rewrap(stage.call(), { ...CIPHER, associatedData: Buffer.alloc(0) });
    expect(stage.fake.seen('POST', REWRAP).map(({ body }) => body)).toEqual([
      { ciphertext: CIPHERTEXT },
      { ciphertext: CIPHERTEXT },
    ]);
    expect([stage.fake.seen('POST', DECRYPT), stage.fake.seen('POST', ENCRYPT)]).toEqual([[], []]);
  });

  it.each<[string, string | undefined, string | undefined, string | undefined, string | undefined]>([
    ['bound stays bound', 'a', undefined, 'YQ==', 'YQ=='],
    ['bound anew', 'a', 'b', 'YQ==', 'Yg=='],
    ['bound for the first time', undefined, 'b', undefined, 'Yg=='],
    ['unbound', 'a', '', 'YQ==', undefined],
  ])('R-CRYPTO-08 for a rewrap with associated data: %s', async (_name, old, fresh, sentOld, sentNew) => {
    await using stage = await openKeystore();
    await stage.keystore.rewrap(stage.call(), {
      ...CIPHER,
      ...(old === undefined ? {} : { associatedData: Buffer.from(old) }),
      ...(fresh === undefined ? {} : { newAssociatedData: Buffer.from(fresh) }),
    });
    expect(stage.fake.seen('POST', DECRYPT)[0]?.body.associated_data).toBe(sentOld);
    expect(stage.fake.seen('POST', ENCRYPT)[0]?.body).toEqual({
      plaintext: 'aGVsbG8=',
      ...(sentNew === undefined ? {} : { associated_data: sentNew }),
    });
    expect(stage.fake.seen('POST', REWRAP)).toEqual([]);
  });

  it('R-CRYPTO-13 carries the request id of the caller, and the answers bring theirs', async () => {
    await using stage = await openKeystore();
    const call = stage.call({ requestId: 'caller-1' });
    await stage.keystore.rewrap(call, { ...CIPHER, associatedData: Buffer.from('a') });
    expect(call.trace.openbaoRequestIds).toEqual(['r-decrypt', 'r-encrypt']);
    const [decrypt, encrypt] = [stage.fake.seen('POST', DECRYPT)[0], stage.fake.seen('POST', ENCRYPT)[0]];
    expect([decrypt, encrypt].map((request) => request?.headers['x-correlation-id'])).toEqual(['caller-1', 'caller-1']);
  });

  it('R-CRYPTO-13 a failure brings its request id too', async () => {
    await using stage = await openKeystore();
    stage.fake.on('POST', ENCRYPT, json(400, { request_id: 'r-failed', errors: ['refusing to use soft-deleted key'] }));
    const call = stage.call();
    await failure(stage.keystore.encrypt(call, PLAIN));
    expect(call.trace.openbaoRequestIds).toEqual(['r-failed']);
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
    await using stage = await openKeystore();
    stage.fake.on('GET', KEY, read);
    if (mount !== undefined) stage.fake.on('GET', MOUNT, mount);
    expect(await failure(stage.keystore.describeKey(stage.call(), 'k'))).toMatchObject({ class: errorClass });
    expect(stage.fake.seen('GET', MOUNT).length > 0).toBe(mount !== undefined);
  });

  it.each<[string, Reply, string]>([
    ['missing', errors(404), 'key-not-found'],
    ['there', keyAnswer('k'), 'permission-denied'],
    ['denied too', errors(403, DENIED_BY_POLICY), 'permission-denied'],
    ['not to be told', errors(503, 'Vault is sealed'), 'permission-denied'],
  ])('R-CRYPTO-10 an encrypt that is denied, with the key %s, is %#', async (_name, read, errorClass) => {
    await using stage = await openKeystore();
    stage.fake.on('POST', ENCRYPT, errors(403, DENIED_BY_POLICY));
    stage.fake.on('GET', KEY, read);
    stage.fake.on('GET', MOUNT, kind('transit'));
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: errorClass });
  });

  it('R-SEC-10 the mount is looked at before the first plaintext, once', async () => {
    await using stage = await openKeystore();
    stage.fake.on('GET', MOUNT, kind('kv'));
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: 'mount-not-found' });
    expect(stage.fake.seen('POST', ENCRYPT)).toHaveLength(0);
    stage.fake.on('GET', MOUNT, kind('transit'));
    await stage.keystore.encrypt(stage.call(), PLAIN);
    await stage.keystore.encrypt(stage.call(), PLAIN);
    expect([stage.fake.seen('GET', MOUNT), stage.fake.seen('POST', ENCRYPT)]).toMatchObject({
      0: { length: 2 },
      1: { length: 2 },
    });
  });

  it('R-SEC-10 a token without rights on the mount is denied with the path that it needs', async () => {
    await using stage = await openKeystore();
    stage.fake.on('GET', MOUNT, errors(403, 'preflight capability check returned 403'));
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({
      class: 'permission-denied',
      details: { policyPath: ENCRYPT, capability: 'update' },
    });
    expect(stage.fake.seen('POST', ENCRYPT)).toHaveLength(0);
  });

  it('R-ERR-12 a decrypt that is denied names path and capability', async () => {
    await using stage = await openKeystore();
    stage.fake.on('POST', DECRYPT, errors(403, DENIED_BY_POLICY));
    expect(await failure(stage.keystore.decrypt(stage.call(), CIPHER))).toMatchObject({
      class: 'permission-denied',
      details: { policyPath: DECRYPT, capability: 'update' },
    });
  });
});

describe('health', () => {
  it('R-CRYPTO-22 of an address that no call has used is not asked for', async () => {
    await using stage = await openKeystore();
    expect(await stage.keystore.checkHealth(stage.call(), { deep: false })).toMatchObject({
      state: 'UNKNOWN',
      endpoints: [],
    });
    expect(stage.fake.requests).toEqual([]);
    await stage.keystore.describeKey(stage.call(), 'k');
    expect(await stage.keystore.checkHealth(stage.call(), { deep: false })).toMatchObject({
      state: 'ACTIVE',
      providerVersion: '2.7.2',
      endpoints: [{ id: `127.0.0.1:${stage.fake.port}`, role: 'active' }],
    });
    expect(await stage.keystore.checkHealth(stage.call({ tenant: 1 }), { deep: false })).toMatchObject({
      state: 'UNKNOWN',
    });
  });

  it('R-CRYPTO-22 of an address that is not allowed is refused like any other call', async () => {
    await using stage = await openKeystore();
    const call = stage.call({ access: { address: 'https://127.0.0.1:1' } });
    expect(await failure(stage.keystore.checkHealth(call, { deep: false }))).toMatchObject({
      class: 'address-not-allowed',
    });
  });

  it('R-CRYPTO-23 deep, without a test key, proves the login', async () => {
    await using stage = await openKeystore();
    expect(await stage.keystore.checkHealth(stage.call(), { deep: true })).toMatchObject({ state: 'ACTIVE' });
    expect(stage.fake.seen('POST', CERT_LOGIN)).toHaveLength(1);
    stage.fake.on('POST', CERT_LOGIN, errors(400, 'invalid certificate'));
    expect(await failure(stage.keystore.checkHealth(stage.call({ tenant: 1 }), { deep: true }))).toMatchObject({
      class: 'login-refused',
    });
  });

  it('R-CRYPTO-23 deep, with a test key, proves a round trip', async () => {
    await using stage = await openKeystore({ crypto: { testKey: 'k' } });
    const plaintexts: unknown[] = [];
    stage.fake.on('POST', ENCRYPT, (response, request) => {
      plaintexts.push(request.body.plaintext);
      encrypted(CIPHERTEXT, 1)(response, request);
    });
    stage.fake.on('POST', DECRYPT, (response, request) =>
      json(200, { data: { plaintext: plaintexts.at(-1) } })(response, request),
    );
    expect(await stage.keystore.checkHealth(stage.call(), { deep: true })).toMatchObject({ state: 'ACTIVE' });
    await stage.keystore.checkHealth(stage.call(), { deep: true });
    expect(new Set(plaintexts).size).toBe(2);
    stage.fake.on('POST', DECRYPT, json(200, { data: { plaintext: 'aGVsbG8=' } }));
    expect(await failure(stage.keystore.checkHealth(stage.call(), { deep: true }))).toMatchObject({
      class: 'malformed-answer',
    });
  });
});
