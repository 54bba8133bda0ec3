import { randomBytes } from 'node:crypto';

import { status } from '@grpc/grpc-js';

import { parseCiphertext } from '../../keystore-contract/ciphertext.ts';
import { HealthState, KeyStatus, KeyUsage } from '../../proto/gen/plugin/keystore/crypto/v1/crypto.ts';
import { KeyAlgorithm } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import {
  administer,
  configureKey,
  createKey,
  readKey,
  restoreKey,
  rotateKey,
  softDeleteKey,
} from '../../scripts/openbao/setup.ts';
import { AUTH_METHODS, DENIED_KEY } from '../support/customer.ts';
import { CANARY, cryptoOperation, type Stage } from './stage.ts';

const MIB = 1024 * 1024;
const A = Buffer.from('associated');
const B = Buffer.from('other');

const versionOf = (ciphertext: Buffer): number | undefined => parseCiphertext(ciphertext)?.keyVersion;

/** The same ciphertext with one bit of its payload changed. */
function tampered(ciphertext: Buffer): Buffer {
  const [prefix, payload = ''] = ciphertext.toString().split(/(?<=:)(?=[^:]*$)/);
  const bytes = Buffer.from(payload, 'base64');
  bytes[20]! ^= 1;
  return Buffer.from(`${prefix}${bytes.toString('base64')}`);
}

export function cryptoContract(stage: Stage): void {
  const { encrypt, decrypt } = stage;
  const rewrap = (
    keyId: string,
    ciphertext: Buffer,
    bound: { associatedData?: Buffer; newAssociatedData?: Buffer } = {},
  ) => stage.call(cryptoOperation.rewrap, { parameters: stage.parameters(keyId), ciphertext, ...bound });
  const refusedDecrypt = (keyId: string, ciphertext: Buffer, associatedData?: Buffer) =>
    stage.refusal(cryptoOperation.decrypt, { parameters: stage.parameters(keyId), ciphertext, associatedData });
  const refusedEncrypt = (keyId: string, changes: object = {}) =>
    stage.refusal(cryptoOperation.encrypt, {
      parameters: stage.parameters(keyId),
      plaintext: Buffer.from(CANARY),
      ...changes,
    });

  beforeAll(async () => {
    const { bao } = stage.customer;
    await Promise.all([
      createKey(bao, { key: 'k1' }),
      createKey(bao, { key: 'k2' }),
      createKey(bao, { key: 'rsa', type: 'rsa-3072' }),
      createKey(bao, { key: 'signing', type: 'ed25519' }),
      createKey(bao, { key: 'derived', derived: true }),
      createKey(bao, { key: 'read-only' }),
    ]);
    await administer(bao, 'POST', 'sys/mounts/store', { type: 'kv' });
    await stage.addPolicy(`
      path "transit/encrypt/read-only" { capabilities = ["deny"] }
      path "store/*" { capabilities = ["create", "read", "update"] }
    `);
    await stage.configure('callCertificate', { crypto: { testKey: 'k1' } });
  });

  describe.each(AUTH_METHODS)('by %s', (method) => {
    beforeAll(() => stage.configure(method, { crypto: { testKey: 'k1' } }));

    it.each([0, 1, 15, 16, 32, 1000, 65_537, MIB])(
      'R-CRYPTO-01 R-POL-01 %i bytes come back byte for byte',
      async (length) => {
        const plaintext = randomBytes(length);
        const { ciphertext, keyVersionId } = await encrypt('k1', { plaintext });
        expect([versionOf(ciphertext), keyVersionId]).toEqual([1, '1']);
        const answer = await decrypt('k1', ciphertext);
        expect(answer.plaintext.equals(plaintext)).toBe(true);
        expect(answer.keyVersionId).toBe('1');
      },
    );

    it('R-CIPHER-01 the ciphertext is OpenBao’s own: it decrypts there without the plugin, and the other way round', async () => {
      const { bao } = stage.customer;
      const { ciphertext } = await encrypt('k1');
      const there = await administer(bao, 'POST', 'transit/decrypt/k1', { ciphertext: ciphertext.toString() });
      expect(Buffer.from(String(there.plaintext), 'base64').toString()).toBe(CANARY);
      const plaintext = Buffer.from(CANARY).toString('base64');
      const made = await administer(bao, 'POST', 'transit/encrypt/k1', { plaintext });
      expect((await decrypt('k1', Buffer.from(String(made.ciphertext)))).plaintext.toString()).toBe(CANARY);
    });
  });

  it('R-CRYPTO-01 64 calls at once', async () => {
    const plaintexts = Array.from({ length: 64 }, () => randomBytes(32));
    const made = await Promise.all(plaintexts.map((plaintext) => encrypt('k1', { plaintext: Buffer.from(plaintext) })));
    const back = await Promise.all(made.map(({ ciphertext }) => decrypt('k1', ciphertext)));
    expect(back.every(({ plaintext }, index) => plaintext.equals(plaintexts[index]!))).toBe(true);
  });

  it('R-CRYPTO-02 R-CRYPTO-04 R-CRYPTO-07 rotation: new ciphertexts are of the newest version, old ones decrypt and rewrap', async () => {
    const { bao } = stage.customer;
    await createKey(bao, { key: 'rotated' });
    const old = await encrypt('rotated');
    await rotateKey(bao, { key: 'rotated' });
    await rotateKey(bao, { key: 'rotated' });
    expect((await encrypt('rotated')).keyVersionId).toBe('3');
    const pinned = await encrypt('rotated', { keyVersionId: '2' });
    expect([versionOf(pinned.ciphertext), pinned.keyVersionId]).toEqual([2, '2']);
    expect(await decrypt('rotated', old.ciphertext)).toMatchObject({ keyVersionId: '1' });
    const fresh = await rewrap('rotated', old.ciphertext);
    expect([versionOf(fresh.ciphertext), fresh.keyVersionId]).toEqual([3, '3']);
    expect((await decrypt('rotated', fresh.ciphertext)).plaintext.toString()).toBe(CANARY);
    expect(await refusedEncrypt('rotated', { keyVersionId: '9' })).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'KEY_VERSION_UNKNOWN',
    });
    const unknown = Buffer.from(old.ciphertext.toString().replace('vault:v1:', 'vault:v9:'));
    expect(await refusedDecrypt('rotated', unknown)).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: 'KEY_VERSION_UNKNOWN',
    });
  });

  it('R-CRYPTO-05 R-CRYPTO-08 associated data binds, and a rewrap binds anew', async () => {
    const { bao } = stage.customer;
    await createKey(bao, { key: 'bound' });
    const { ciphertext } = await encrypt('bound', { associatedData: A });
    expect((await decrypt('bound', ciphertext, A)).plaintext.toString()).toBe(CANARY);
    await rotateKey(bao, { key: 'bound' });
    const kept = await rewrap('bound', ciphertext, { associatedData: A });
    const moved = await rewrap('bound', kept.ciphertext, { associatedData: A, newAssociatedData: B });
    const freed = await rewrap('bound', moved.ciphertext, { associatedData: B, newAssociatedData: Buffer.alloc(0) });
    const again = await rewrap('bound', freed.ciphertext, { newAssociatedData: A });
    expect([kept, moved, freed, again].map(({ keyVersionId }) => keyVersionId)).toEqual(['2', '2', '2', '2']);
    for (const [text, data] of [
      [kept.ciphertext, A],
      [moved.ciphertext, B],
      [freed.ciphertext, undefined],
      [again.ciphertext, A],
    ] as const) {
      expect((await decrypt('bound', text, data)).plaintext.toString()).toBe(CANARY);
    }
    const refused = await stage.refusal(cryptoOperation.rewrap, {
      parameters: stage.parameters('bound'),
      ciphertext: kept.ciphertext,
    });
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INTEGRITY_FAILURE' });
  });

  it('R-CRYPTO-06 all that keeps a ciphertext from decrypting looks alike', async () => {
    const bound = (await encrypt('k1', { associatedData: A })).ciphertext;
    const free = (await encrypt('k1')).ciphertext;
    const answers = [
      await refusedDecrypt('k1', tampered(free)),
      await refusedDecrypt('k2', free),
      await refusedDecrypt('k1', free, A),
      await refusedDecrypt('k1', bound),
      await refusedDecrypt('k1', bound, B),
      await refusedDecrypt('rsa', free),
    ];
    const expected = {
      code: status.INVALID_ARGUMENT,
      message: 'the ciphertext cannot be decrypted',
      reason: 'INTEGRITY_FAILURE',
      metadata: {},
    };
    expect(answers).toEqual(answers.map(() => expected));
  });

  it('R-CRYPTO-09 R-KEY-10 the kill switch stops everything at once, and its end lets everything go on', async () => {
    const { bao } = stage.customer;
    await createKey(bao, { key: 'killed' });
    const { ciphertext } = await encrypt('killed');
    const request = { parameters: stage.parameters('killed'), ciphertext };
    await softDeleteKey(bao, { key: 'killed' });
    const refused = [
      await refusedEncrypt('killed'),
      await refusedDecrypt('killed', ciphertext),
      await stage.refusal(cryptoOperation.rewrap, request),
    ];
    for (const refusal of refused) {
      expect(refusal).toMatchObject({ code: status.FAILED_PRECONDITION, message: 'the key is disabled' });
    }
    expect((await stage.call(cryptoOperation.getKeyStatus, request)).status).toBe(KeyStatus.KEY_STATUS_DISABLED);
    await restoreKey(bao, { key: 'killed' });
    expect((await decrypt('killed', ciphertext)).plaintext.toString()).toBe(CANARY);
  });

  it('a version below the floor is retired', async () => {
    const { bao } = stage.customer;
    await createKey(bao, { key: 'floor' });
    const { ciphertext } = await encrypt('floor');
    await rotateKey(bao, { key: 'floor' });
    const retired = { code: status.FAILED_PRECONDITION, reason: 'KEY_VERSION_RETIRED' };
    await configureKey(bao, { key: 'floor' }, { min_encryption_version: 2 });
    expect(await refusedEncrypt('floor', { keyVersionId: '1' })).toMatchObject(retired);
    expect((await decrypt('floor', ciphertext)).keyVersionId).toBe('1');
    await configureKey(bao, { key: 'floor' }, { min_decryption_version: 2 });
    expect(await refusedDecrypt('floor', ciphertext)).toMatchObject(retired);
    const answer = await stage.call(cryptoOperation.getKeyStatus, { parameters: stage.parameters('floor') });
    expect(answer.minDecryptionKeyVersionId).toBe('2');
  });

  it('R-CRYPTO-10 an encrypt on a missing key is NOT_FOUND and makes none', async () => {
    expect(await refusedEncrypt('missing')).toMatchObject({
      code: status.NOT_FOUND,
      message: 'key not found in the keystore provider',
    });
    await expect(readKey(stage.customer.bao, { key: 'missing' })).rejects.toThrow('404');
    const { ciphertext } = await encrypt('k1');
    expect(await refusedDecrypt('missing', ciphertext)).toMatchObject({ code: status.NOT_FOUND });
  });

  it.each(['signing', 'derived'])('a key that cannot serve is FAILED_PRECONDITION: %s', async (keyId) => {
    expect(await refusedEncrypt(keyId)).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'KEY_UNUSABLE' });
  });

  it('R-ERR-12 R-AUTH-16 what the policy denies is PERMISSION_DENIED, and names the policy line', async () => {
    const denied = (path: string, capability: string) => ({
      code: status.PERMISSION_DENIED,
      message: 'the keystore provider denies the operation',
      reason: 'DENIED_BY_POLICY',
      metadata: { path, capability },
    });
    const request = { parameters: stage.parameters(DENIED_KEY) };
    expect(await stage.refusal(cryptoOperation.getKeyStatus, request)).toEqual(
      denied(`transit/keys/${DENIED_KEY}`, 'read'),
    );
    expect(await refusedEncrypt('read-only')).toEqual(denied('transit/encrypt/read-only', 'update'));
  });

  it('R-SEC-10 a mount that keeps what it is sent gets no plaintext', async () => {
    const parameters = stage.parameters('k1', { mountPath: 'store' });
    const refused = await stage.refusal(cryptoOperation.encrypt, { parameters, plaintext: Buffer.from(CANARY) });
    expect(refused).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'MOUNT_NOT_FOUND' });
    const kept = await stage.customer.bao.request('GET', 'store/encrypt/k1');
    expect(kept).toMatchObject({ status: 404, body: { errors: [] } });
  });

  it('R-CRYPTO-11 sizes: the largest of everything works, one more is refused', async () => {
    const largest = await encrypt('k1', { plaintext: Buffer.alloc(MIB, 7), associatedData: Buffer.alloc(65_536, 1) });
    const back = await decrypt('k1', largest.ciphertext, Buffer.alloc(65_536, 1));
    expect(back.plaintext.equals(Buffer.alloc(MIB, 7))).toBe(true);
    for (const changes of [{ plaintext: Buffer.alloc(MIB + 1) }, { associatedData: Buffer.alloc(65_537) }]) {
      expect(await refusedEncrypt('k1', changes)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_REQUEST',
      });
    }
  });

  it('R-CRYPTO-11 64 of the largest plaintexts at once are all encrypted', async () => {
    await stage.configure('callCertificate', { limits: { readBudgetMs: 10_000 } });
    const plaintexts = Array.from({ length: 64 }, (_, index) => Buffer.alloc(MIB, index));
    const answers = await Promise.all(plaintexts.map((plaintext) => encrypt('k1', { plaintext })));
    expect(new Set(answers.map(({ ciphertext }) => ciphertext.toString('latin1'))).size).toBe(64);
    await stage.configure('callCertificate', { crypto: { testKey: 'k1' } });
  });

  it('an RSA key: round trip, its largest plaintext, and no associated data', async () => {
    const plaintext = randomBytes(318);
    const { ciphertext } = await encrypt('rsa', { plaintext: Buffer.from(plaintext) });
    expect((await decrypt('rsa', ciphertext)).plaintext.equals(plaintext)).toBe(true);
    expect(await rewrap('rsa', ciphertext)).toMatchObject({ keyVersionId: '1' });
    const refused = { code: status.INVALID_ARGUMENT, reason: 'INVALID_REQUEST' };
    expect(await refusedEncrypt('rsa', { plaintext: Buffer.alloc(319) })).toMatchObject(refused);
    expect(await refusedEncrypt('rsa', { associatedData: A })).toMatchObject(refused);
    expect(await refusedDecrypt('rsa', tampered(ciphertext))).toMatchObject({ reason: 'INTEGRITY_FAILURE' });
  });

  it.each([
    ['k1', KeyAlgorithm.KEY_ALGORITHM_AES256, MIB, true],
    ['rsa', KeyAlgorithm.KEY_ALGORITHM_RSA3072, 318, false],
  ])('R-CRYPTO-20 GetKeyStatus of %s', async (keyId, algorithm, maxPlaintextBytes, supportsAssociatedData) => {
    expect(await stage.call(cryptoOperation.getKeyStatus, { parameters: stage.parameters(keyId) })).toEqual({
      status: KeyStatus.KEY_STATUS_ENABLED,
      algorithm,
      usages: [KeyUsage.KEY_USAGE_ENCRYPT, KeyUsage.KEY_USAGE_DECRYPT],
      latestKeyVersionId: '1',
      minDecryptionKeyVersionId: '1',
      latestRotationTime: { seconds: expect.any(BigInt) as unknown, nanos: 1000 },
      maxPlaintextBytes,
      supportsAssociatedData,
      supportsRewrap: true,
    });
  });

  it.each([false, true])('R-CRYPTO-21 R-CRYPTO-23 CheckHealth, deep: %p', async (deep) => {
    const before = Date.now() - 11_000;
    const answer = await stage.call(cryptoOperation.checkHealth, { config: stage.parameters('').config, deep });
    expect(answer).toMatchObject({
      state: HealthState.HEALTH_STATE_ACTIVE,
      provider: 'openbao',
      providerVersion: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
      endpoints: [
        { id: new URL(stage.customer.bao.address).host, state: HealthState.HEALTH_STATE_ACTIVE, role: 'active' },
      ],
    });
    expect(Number(answer.checkedAt?.seconds) * 1000).toBeGreaterThan(before);
  });

  it('R-CRYPTO-13 the log line of a call joins the request ids of both sides, and one line a call', async () => {
    stage.newCalls();
    await encrypt('k1', { requestId: 'caller-42' });
    await refusedEncrypt('missing', { requestId: 'caller-43' });
    const lines = stage.newCalls();
    const openbaoId = expect.stringMatching(/^[\w-]{36}/) as unknown;
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      '@level': 'debug',
      rpc: 'Encrypt',
      key_id: 'k1',
      request_id: 'caller-42',
      outcome: 'ok',
      openbao_request_id: openbaoId,
    });
    expect(lines[1]).toMatchObject({ '@level': 'warn', request_id: 'caller-43', outcome: 'key-not-found' });
  });
}
