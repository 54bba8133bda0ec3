import { performance } from 'node:perf_hooks';

import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import {
  cut,
  errors,
  hold,
  keyAnswer,
  type Reply,
  stall,
  text,
  TOKEN_IS_DEAD,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import {
  CERT_LOGIN,
  CIPHERTEXT,
  ENCRYPT,
  encrypted,
  failure,
  KEY,
  LOOKUP,
  openKeystore,
  PLAIN,
  REVOKE,
} from './keystore-fixture.ts';

describe('R-AUTH-04 two identities', () => {
  it('have connections, logins and tokens of their own', async () => {
    await using stage = await openKeystore();
    stage.fake.on('POST', CERT_LOGIN, tokenAnswer('first', 3600), tokenAnswer('second', 3600));
    for (const tenant of [0, 1, 0, 1]) await stage.keystore.describeKey(stage.call({ tenant }), 'k');
    const used = new Map<string, Set<string>>();
    for (const { clientCertificate, connection, token } of stage.fake.requests) {
      const of = used.get(clientCertificate) ?? new Set();
      used.set(clientCertificate, of.add(`connection ${connection}`).add(`token ${token ?? 'none'}`));
    }
    expect(used.size).toBe(2);
    const [one, two] = [...used.values()];
    expect([...one!].filter((thing) => thing !== 'token none' && two!.has(thing))).toEqual([]);
    expect(stage.fake.seen('POST', CERT_LOGIN)).toHaveLength(2);
  });

  it('do not wait for each other: one whose server hangs takes up its own turns only', async () => {
    await using stage = await openKeystore({
      limits: { maxConcurrentCalls: 2, maxConcurrentCallsPerSession: 1, readBudgetMs: 10_000 },
    });
    const { keystore, call } = stage;
    stage.fake.on('POST', ENCRYPT, (response, request) => {
      if (request.token === 'second') encrypted(CIPHERTEXT, 1)(response, request);
    });
    stage.fake.on('POST', CERT_LOGIN, tokenAnswer('first', 3600), tokenAnswer('second', 3600));
    const gone = new AbortController();
    const hanging = Array.from({ length: 5 }, () => failure(keystore.encrypt(call({ signal: gone.signal }), PLAIN)));
    await stage.fake.requested('POST', ENCRYPT);
    expect(await keystore.encrypt(call({ tenant: 1 }), PLAIN)).toMatchObject({ keyVersion: 1 });
    gone.abort(new KeystoreError('cancelled', 'gone'));
    await Promise.all(hanging);
  });

  it('R-AUTH-02 a certificate and a key that do not belong together send nothing', async () => {
    await using stage = await openKeystore();
    const [a, b] = [stage.tenants[0]!, stage.tenants[1]!];
    const certificate = { certificateChainPem: a.certificatePem, privateKeyPem: new Secret(b.privateKeyPem) };
    const call = stage.call({ access: { certificate } });
    expect(await failure(stage.keystore.describeKey(call, 'k'))).toMatchObject({ class: 'invalid-access-data' });
    expect(stage.fake.requests).toEqual([]);
  });

  it('the one that was used least recently is logged out when there are too many', async () => {
    await using stage = await openKeystore({ limits: { maxSessions: 1 } });
    await stage.keystore.describeKey(stage.call(), 'k');
    await stage.keystore.describeKey(stage.call({ tenant: 1 }), 'k');
    await stage.fake.requested('POST', REVOKE);
  });
});

describe('R-KEY-11 equal reads under way at the same time', () => {
  it('share a request, and none is lost with the caller that began it', async () => {
    await using stage = await openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    const before = stage.fake.seen('GET', KEY).length;
    const held = hold(keyAnswer('k'));
    stage.fake.on('GET', KEY, held.reply, keyAnswer('k', { soft_deleted: true }));
    const gone = new AbortController();
    const first = failure(stage.keystore.describeKey(stage.call({ signal: gone.signal }), 'k'));
    await stage.fake.requested('GET', KEY, before + 1);
    const others = Array.from({ length: 10 }, () => stage.keystore.describeKey(stage.call(), 'k'));
    gone.abort(new KeystoreError('cancelled', 'gone'));
    expect(await first).toMatchObject({ class: 'cancelled' });
    held.release();
    // R-KEY-10: they came after the first was sent, so they see what happened since.
    expect((await Promise.all(others)).map(({ state }) => state)).toEqual(Array(10).fill('DISABLED'));
    expect(stage.fake.seen('GET', KEY)).toHaveLength(before + 2);
  });

  it('end in time for all, even if the caller that began has more', async () => {
    await using stage = await openKeystore({ limits: { readBudgetMs: 100 } });
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.fake.on('GET', KEY, stall);
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
    await using stage = await openKeystore();
    stage.fake.on('POST', ENCRYPT, reply, encrypted(CIPHERTEXT, 1));
    expect(await stage.keystore.encrypt(stage.call(), PLAIN)).toMatchObject({ keyVersion: 1 });
    expect(stage.fake.seen('POST', ENCRYPT)).toHaveLength(2);
  });

  it.each<[string, Reply, string]>([
    ['a refusal', errors(400, 'refusing to use soft-deleted key'), 'key-disabled'],
    ['a mistake that comes as 500', errors(500, '1 error occurred:\n\t* failed to RSA encrypt\n\n'), 'invalid-request'],
    ['a rate limit', errors(429, 'quota'), 'rate-limited'],
    ['a seal', errors(503, 'Vault is sealed'), 'sealed'],
  ])('after %s there is none', async (_name, reply, errorClass) => {
    await using stage = await openKeystore();
    stage.fake.on('POST', ENCRYPT, reply);
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: errorClass });
    expect(stage.fake.seen('POST', ENCRYPT)).toHaveLength(1);
  });

  it('there is none without the time for it', async () => {
    await using stage = await openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.fake.on('POST', ENCRYPT, cut);
    const call = stage.call({ deadline: performance.now() + 15 });
    expect(await failure(stage.keystore.encrypt(call, PLAIN))).toMatchObject({ class: 'unreachable' });
    expect(stage.fake.seen('POST', ENCRYPT)).toHaveLength(1);
  });
});

describe('R-ERR-08 a caller that goes away', () => {
  it('ends its request', async () => {
    await using stage = await openKeystore();
    stage.fake.on('POST', ENCRYPT, stall);
    const gone = new AbortController();
    const call = failure(stage.keystore.encrypt(stage.call({ signal: gone.signal }), PLAIN));
    await stage.fake.requested('POST', ENCRYPT);
    const reason = new KeystoreError('cancelled', 'the caller went away');
    gone.abort(reason);
    expect(await call).toBe(reason);
  });

  it('leaves the calls of others alone', async () => {
    await using stage = await openKeystore();
    const held = hold(encrypted(CIPHERTEXT, 1));
    stage.fake.on('POST', ENCRYPT, held.reply);
    const gone = new AbortController();
    const calls = [
      failure(stage.keystore.encrypt(stage.call({ signal: gone.signal }), PLAIN)),
      stage.keystore.encrypt(stage.call(), PLAIN),
    ];
    await stage.fake.requested('POST', ENCRYPT, 2);
    gone.abort(new KeystoreError('cancelled', 'gone'));
    held.release();
    const [lost, kept] = await Promise.all(calls);
    expect(lost).toMatchObject({ class: 'cancelled' });
    expect(kept).toMatchObject({ keyVersion: 1 });
  });
});

describe('R-ERR-07 more calls than are allowed', () => {
  it('are refused at once', async () => {
    await using stage = await openKeystore({ limits: { maxConcurrentCallsPerSession: 1, maxQueuedCalls: 1 } });
    stage.fake.on('POST', ENCRYPT, stall);
    const gone = new AbortController();
    const calls = [0, 1].map(() => failure(stage.keystore.encrypt(stage.call({ signal: gone.signal }), PLAIN)));
    expect(await failure(stage.keystore.encrypt(stage.call(), PLAIN))).toMatchObject({ class: 'overloaded' });
    gone.abort(new KeystoreError('cancelled', 'gone'));
    await Promise.all(calls);
  });
});

describe('the end of a keystore', () => {
  it('R-AUTH-22 R-PROC-25 lets running calls end, logs out all identities, and leaves no connection', async () => {
    await using stage = await openKeystore();
    await stage.keystore.describeKey(stage.call({ tenant: 1 }), 'k');
    const held = hold(encrypted(CIPHERTEXT, 1));
    stage.fake.on('POST', ENCRYPT, held.reply);
    const call = stage.keystore.encrypt(stage.call(), PLAIN);
    await stage.fake.requested('POST', ENCRYPT);
    const closing = stage.keystore.close();
    held.release();
    expect(await call).toMatchObject({ keyVersion: 1 });
    await closing;
    expect(stage.fake.seen('POST', REVOKE)).toHaveLength(2);
  });

  it('R-PROC-25 lets calls that wait for their turn end as well', async () => {
    await using stage = await openKeystore({ limits: { maxConcurrentCalls: 1 } });
    const held = hold(encrypted(CIPHERTEXT, 1));
    stage.fake.on('POST', ENCRYPT, held.reply);
    const calls = [0, 1, 1].map((tenant) => stage.keystore.encrypt(stage.call({ tenant }), PLAIN));
    await stage.fake.requested('POST', ENCRYPT);
    const closing = stage.keystore.close();
    held.release();
    expect(await Promise.all(calls)).toHaveLength(3);
    await closing;
    expect(stage.fake.seen('POST', REVOKE)).toHaveLength(2);
  });

  it('takes no longer than its signal allows', async () => {
    await using stage = await openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.fake.on('POST', REVOKE, stall);
    const limit = new AbortController();
    const closing = stage.keystore.close(limit.signal);
    await stage.fake.requested('POST', REVOKE);
    limit.abort(new Error('out of time'));
    await closing;
  });

  it('R-AUTH-23 once quiet it logs nobody in, and serves those who are', async () => {
    await using stage = await openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.keystore.quiesce();
    stage.keystore.quiesce();
    expect(await stage.keystore.describeKey(stage.call(), 'k')).toMatchObject({ keyId: 'k' });
    expect(await failure(stage.keystore.describeKey(stage.call({ tenant: 1 }), 'k'))).toMatchObject({
      class: 'stopping',
    });
  });

  it('a token that is dead then is not replaced', async () => {
    await using stage = await openKeystore();
    await stage.keystore.describeKey(stage.call(), 'k');
    stage.keystore.quiesce();
    stage.fake.on('GET', KEY, errors(403, TOKEN_IS_DEAD));
    stage.fake.on('GET', LOOKUP, errors(403, TOKEN_IS_DEAD));
    expect(await failure(stage.keystore.describeKey(stage.call(), 'k'))).toMatchObject({ class: 'stopping' });
  });
});
