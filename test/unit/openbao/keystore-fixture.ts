import { performance } from 'node:perf_hooks';

import { stringify } from 'yaml';

import { parseConfiguration } from '../../../src/config/parse.ts';
import { Secret } from '../../../src/config/secret.ts';
import type { CallAccess, KeystoreCall } from '../../../src/keystore/call.ts';
import { TransitKeystore } from '../../../src/openbao/transit-keystore.ts';
import {
  type FakeOpenBao,
  json,
  keyAnswer,
  noContent,
  type Reply,
  startFakeOpenBao,
  tokenAnswer,
} from '../../support/fake-openbao.ts';
import { createAuthority, type Identity } from '../../support/pki.ts';
import { recordLog } from '../../support/record-log.ts';
import { until } from '../../support/until.ts';

export const KEY = 'transit/keys/k';
export const ENCRYPT = 'transit/encrypt/k';
export const DECRYPT = 'transit/decrypt/k';
export const REWRAP = 'transit/rewrap/k';
export const CERT_LOGIN = 'auth/cert/login';
export const REVOKE = 'auth/token/revoke-self';
export const MOUNT = 'sys/internal/ui/mounts/transit';
export const LOOKUP = 'auth/token/lookup-self';

export const CIPHERTEXT = `vault:v1:${Buffer.alloc(32, 1).toString('base64')}`;
export const PLAIN = { keyId: 'k', plaintext: Buffer.from('hello') };
export const CIPHER = { keyId: 'k', ciphertext: Buffer.from(CIPHERTEXT) };

/** What a promise rejects with. */
export const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** An answer to an encrypt or a rewrap. */
export function encrypted(ciphertext: unknown, version: unknown): Reply {
  return json(200, { request_id: 'r-encrypt', data: { ciphertext, key_version: version } });
}

/** A keystore on a fake OpenBao, to which two tenants come with their certificates. */
export interface Stage extends AsyncDisposable {
  readonly fake: FakeOpenBao;
  readonly tenants: readonly Identity[];
  readonly keystore: TransitKeystore;
  /** A call of the first tenant, unless another is named. */
  call(changes?: Partial<Omit<KeystoreCall, 'access'>> & { access?: CallAccess; tenant?: number }): KeystoreCall;
}

let tenants: Promise<readonly Identity[]> | undefined;

async function issueTenants(): Promise<readonly Identity[]> {
  const authority = await createAuthority();
  return [await authority.issue({ commonName: 'tenant-1' }), await authority.issue({ commonName: 'tenant-2' })];
}

/** Opens it; `changes` are laid over the configuration. Disposing fails when a connection is left. */
export async function openKeystore(changes: Record<string, unknown> = {}): Promise<Stage> {
  const identities = await (tenants ??= issueTenants());
  const fake = await startFakeOpenBao();
  fake.on('POST', CERT_LOGIN, tokenAnswer('t1', 3600));
  fake.on('POST', REVOKE, noContent);
  fake.on('GET', LOOKUP, json(200, { data: {} }));
  fake.on('GET', KEY, keyAnswer('k'));
  fake.on('POST', ENCRYPT, encrypted(CIPHERTEXT, 1));
  fake.on('POST', DECRYPT, json(200, { request_id: 'r-decrypt', data: { plaintext: 'aGVsbG8=' } }));
  fake.on('POST', REWRAP, encrypted(CIPHERTEXT, 1));
  fake.on('GET', MOUNT, json(200, { data: { type: 'transit' } }));
  fake.on('GET', 'sys/health', json(200, { sealed: false, standby: false, version: '2.7.2' }));
  const allowedAddresses = [{ pattern: fake.address, ca: { value: fake.caPem }, privateAddresses: true }];
  const yaml = stringify({ development: true, openbao: { allowedAddresses }, ...changes });
  const keystore = new TransitKeystore({
    configuration: parseConfiguration(yaml, { type: 'KeystoreInstanceKeyOperation' }),
    log: recordLog().log,
    read: (ref) => Promise.resolve(ref.source === 'embedded' ? ref.value : new Secret('')),
  });
  return {
    fake,
    tenants: identities,
    keystore,
    call: ({ access, tenant = 0, ...others } = {}) => {
      const { certificatePem, privateKeyPem } = identities[tenant]!;
      const certificate = { certificateChainPem: certificatePem, privateKeyPem: new Secret(privateKeyPem) };
      return {
        access: { address: fake.address, certificate, ...access },
        signal: new AbortController().signal,
        deadline: performance.now() + 10_000,
        trace: { openbaoRequestIds: [] },
        ...others,
      };
    },
    async [Symbol.asyncDispose]() {
      await keystore.close();
      await until('all connections are closed', () => fake.connections === 0);
      await fake[Symbol.asyncDispose]();
    },
  };
}
