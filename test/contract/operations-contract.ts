import { status } from '@grpc/grpc-js';

import type { Timestamp } from '../../proto/gen/google/protobuf/timestamp.ts';
import { KeyAlgorithm } from '../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import {
  administer,
  configureKey,
  createKey,
  createNamespace,
  enableCertAuth,
  mountTransit,
  restoreKey,
  rotateKey,
  softDeleteKey,
  writePolicy,
} from '../../scripts/openbao/setup.ts';
import { AUTH_METHODS, CUSTOMER_ROLE, DENIED_KEY, MISSING_MOUNT } from '../support/customer.ts';
import { keyOperation, type Stage } from './stage.ts';

const AUTHENTICATION = {
  code: status.INVALID_ARGUMENT,
  message: 'failed to authenticate with the keystore provider',
};
const KEY_NOT_FOUND = { code: status.NOT_FOUND, message: 'key not found in the keystore provider' };
const GET_KEY = { code: status.UNKNOWN, message: 'failed to get key' };

const UUID = '1f0a8a52-7c0e-4a46-9d3a-0123456789ab';
const NAMESPACE = 'tenant-a';
const STORES = ['kv1', 'kv2', 'pki'] as const;

const nanosOf = (time: Timestamp | undefined): bigint =>
  time ? time.seconds * 1_000_000_000n + BigInt(time.nanos) : -1n;

export function operationsContract(stage: Stage): void {
  const getKey = (keyId: string, values?: Record<string, unknown>) =>
    stage.call(keyOperation.getKey, { parameters: stage.parameters(keyId, values) });
  const getKeyVersions = (keyId: string) =>
    stage.call(keyOperation.getKeyVersions, { parameters: stage.parameters(keyId) });
  /** What both reads are refused with; they must be refused alike. */
  const refusal = async (keyId: string, values?: Record<string, unknown>) => {
    const request = { parameters: stage.parameters(keyId, values) };
    const first = await stage.refusal(keyOperation.getKey, request);
    expect(await stage.refusal(keyOperation.getKeyVersions, request)).toEqual(first);
    return first;
  };

  beforeAll(async () => {
    const { bao, identity } = stage.customer;
    await Promise.all([
      createKey(bao, { key: 'k1' }),
      createKey(bao, { key: UUID }),
      createKey(bao, { key: 'rsa', type: 'rsa-3072' }),
      createKey(bao, { key: 'signing', type: 'ed25519' }),
      createKey(bao, { key: 'derived', derived: true }),
    ]);
    await administer(bao, 'POST', 'sys/mounts/kv1', { type: 'kv' });
    await administer(bao, 'POST', 'sys/mounts/kv2', { type: 'kv', options: { version: '2' } });
    await administer(bao, 'POST', 'sys/mounts/pki', { type: 'pki' });
    await stage.addPolicy(STORES.map((mount) => `path "${mount}/keys/+" { capabilities = ["read"] }\n`).join(''));

    await createNamespace(bao, NAMESPACE);
    await mountTransit(bao, { namespace: NAMESPACE });
    await createKey(bao, { key: 'inner', namespace: NAMESPACE });
    await writePolicy(bao, 'inner', 'path "transit/keys/inner" { capabilities = ["read"] }', NAMESPACE);
    await enableCertAuth(bao, {
      role: CUSTOMER_ROLE,
      policies: ['inner'],
      certificatePem: identity.certificatePem,
      namespace: NAMESPACE,
    });
  });

  describe.each(AUTH_METHODS)('by %s', (method) => {
    beforeAll(() => stage.configure(method));

    it.each(['k1', UUID])('R-KEY-02 R-POL-01 GetKey of %s', async (keyId) => {
      expect(await getKey(keyId)).toEqual({
        keyId,
        algorithm: KeyAlgorithm.KEY_ALGORITHM_AES256,
        status: 'ENABLED',
        usage: 'ENCRYPT_DECRYPT',
        latestKeyVersionId: '1',
        latestRotationTime: { seconds: expect.any(BigInt) as unknown, nanos: 1000 },
      });
    });

    it('R-KEY-07 R-KEY-09 R-KEY-10 each rotation shows in the very next call, at strictly later times', async () => {
      const { bao } = stage.customer;
      const key = `rotated-${method}`;
      await createKey(bao, { key });
      for (let latest = 1; latest <= 12; latest += 1) {
        const { latestKeyVersionId, latestRotationTime } = await getKey(key);
        const { versions } = await getKeyVersions(key);
        expect(latestKeyVersionId).toBe(String(latest));
        expect(versions.map(({ versionId, status: state }) => [versionId, state])).toEqual(
          Array.from({ length: latest }, (_, index) => [String(index + 1), 'ENABLED']),
        );
        const times = versions.map(({ creationTime }) => nanosOf(creationTime));
        expect(times.every((time, index) => index === 0 || time > times[index - 1]!)).toBe(true);
        expect(nanosOf(latestRotationTime)).toBe(times.at(-1));
        await rotateKey(bao, { key });
      }
      expect(await getKeyVersions(key)).toEqual(await getKeyVersions(key));
    });

    it('R-KEY-07 versions below the floor are not listed, and come back with their times', async () => {
      const { bao } = stage.customer;
      const key = `floor-${method}`;
      await createKey(bao, { key });
      await rotateKey(bao, { key });
      await rotateKey(bao, { key });
      const all = await getKeyVersions(key);
      await configureKey(bao, { key }, { min_decryption_version: 3 });
      expect((await getKeyVersions(key)).versions).toEqual(all.versions.slice(2));
      expect((await getKey(key)).latestKeyVersionId).toBe('3');
      await configureKey(bao, { key }, { min_decryption_version: 1 });
      expect(await getKeyVersions(key)).toEqual(all);
    });

    it('R-KEY-03 R-KEY-10 the kill switch shows in the very next call, and so does its end', async () => {
      const { bao } = stage.customer;
      for (let round = 0; round < 3; round += 1) {
        await softDeleteKey(bao, { key: 'k1' });
        expect((await getKey('k1')).status).toBe('DISABLED');
        expect((await getKeyVersions('k1')).versions.map(({ status: state }) => state)).toEqual(['DISABLED']);
        await restoreKey(bao, { key: 'k1' });
        expect((await getKey('k1')).status).toBe('ENABLED');
      }
    });

    it('R-KEY-04 R-ERR-02 a key that is missing', async () => {
      expect(await refusal('missing')).toMatchObject({ ...KEY_NOT_FOUND, reason: 'KEY_NOT_FOUND' });
    });

    it('R-KEY-04 a key that was deleted for good', async () => {
      const { bao } = stage.customer;
      const key = `gone-${method}`;
      await createKey(bao, { key });
      await configureKey(bao, { key }, { deletion_allowed: true });
      await getKey(key);
      await administer(bao, 'DELETE', `transit/keys/${key}`);
      expect(await refusal(key)).toMatchObject(KEY_NOT_FOUND);
    });

    it.each(['signing', 'derived', 'rsa'])('R-KEY-06 R-ERR-02 a key that CMK cannot use: %s', async (keyId) => {
      expect(await refusal(keyId)).toMatchObject({ ...GET_KEY, reason: 'KEY_UNUSABLE' });
    });

    it('R-ERR-02 R-AUTH-16 a key that the policy denies', async () => {
      expect(await refusal(DENIED_KEY)).toEqual({
        ...AUTHENTICATION,
        reason: 'DENIED_BY_POLICY',
        metadata: { path: `transit/keys/${DENIED_KEY}`, capability: 'read' },
      });
    });

    it.each([...STORES, MISSING_MOUNT])('R-KEY-05 a mount that is no Transit mount: %s', async (mountPath) => {
      if (method === 'approle') {
        const { bao } = stage.customer;
        const ca = { source: 'file', file: { path: bao.caFile } };
        await stage.configure('approle', { openbao: { addresses: [bao.address], ca, transitMount: mountPath } });
      }
      const values = method === 'approle' ? {} : { mountPath };
      expect(await refusal('k1', values)).toMatchObject({ ...GET_KEY, reason: 'MOUNT_NOT_FOUND' });
      await stage.configure(method);
    });
  });

  describe('namespaces', () => {
    beforeAll(() => stage.configure('callCertificate'));

    it('a key in a namespace, with an identity of that namespace', async () => {
      expect(await getKey('inner', { namespace: NAMESPACE })).toMatchObject({ keyId: 'inner', status: 'ENABLED' });
    });

    it('R-AUTH-04 the identity of one namespace is none in another', async () => {
      expect(await refusal('inner')).toMatchObject(KEY_NOT_FOUND);
      expect(await refusal('k1', { namespace: NAMESPACE })).toMatchObject({
        ...AUTHENTICATION,
        reason: 'DENIED_BY_POLICY',
      });
    });

    it.each(['nowhere', `${NAMESPACE}/below`])('R-KEY-05 a namespace that does not exist: %s', async (namespace) => {
      expect(await refusal('k1', { namespace })).toMatchObject({ ...GET_KEY, reason: 'NAMESPACE_NOT_FOUND' });
    });

    it('R-ERR-04 a namespace that its owner has locked', async () => {
      const { bao } = stage.customer;
      await bao.request('POST', `sys/namespaces/api-lock/lock/${NAMESPACE}`);
      try {
        expect(await refusal('inner', { namespace: NAMESPACE })).toMatchObject({
          code: status.UNAVAILABLE,
          reason: 'NAMESPACE_SEALED',
        });
      } finally {
        await bao.request('POST', `sys/namespaces/api-lock/unlock/${NAMESPACE}`);
      }
      expect(await getKey('inner', { namespace: NAMESPACE })).toMatchObject({ keyId: 'inner' });
    });
  });

  it('R-KEY-08 only so many of the newest versions as are configured', async () => {
    const { bao } = stage.customer;
    await createKey(bao, { key: 'many' });
    for (let version = 2; version <= 7; version += 1) await rotateKey(bao, { key: 'many' });
    await stage.configure('callCertificate', { keys: { maxVersions: 3 } });
    const { versions } = await getKeyVersions('many');
    expect(versions.map(({ versionId }) => versionId)).toEqual(['5', '6', '7']);
    expect((await getKey('many')).latestKeyVersionId).toBe('7');
    await stage.configure('callCertificate');
  });
}
