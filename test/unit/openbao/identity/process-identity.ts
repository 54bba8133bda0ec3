import { performance } from 'node:perf_hooks';

import { stringify } from 'yaml';

import { parseConfiguration } from '../../../../src/config/parse.ts';
import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { TransitKeystore } from '../../../../src/openbao/transit-keystore.ts';
import {
  type FakeOpenBao,
  json,
  keyAnswer,
  noContent,
  type Reply,
  startFakeOpenBao,
  tokenAnswer,
} from '../../../support/fake-openbao.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { createAuthority } from '../../../support/pki.ts';
import { type RecordedLog, recordLog } from '../../../support/record-log.ts';
import { createFiles, file, type Files } from '../auth/auth-fixture.ts';

export const LOOKUP_SELF = 'auth/token/lookup-self';
export const RENEW_SELF = 'auth/token/renew-self';
export const REVOKE_SELF = 'auth/token/revoke-self';
export const USE = 'transit/keys/k';

/** Every way in which a process can have an identity, with its credential in the files of the stage. */
export const AUTH = {
  approle: { method: 'approle', roleId: 'role-1', secretId: file('/secret-id') },
  wrapped: { method: 'approle', roleId: 'role-1', role: 'cmk', secretIdWrapped: file('/wrapped') },
  kubernetes: { method: 'kubernetes', role: 'cmk', tokenPath: '/token' },
  jwt: { method: 'jwt', role: 'cmk', tokenPath: '/token' },
  cert: { method: 'cert', role: 'cmk', certificate: file('/tls.crt'), key: file('/tls.key') },
  token: { method: 'token', token: file('/token') },
} as const;

export type Name = keyof typeof AUTH;

export const NAMES = Object.keys(AUTH) as Name[];

/** Where each of them first asks OpenBao for anything. */
export const FIRST_REQUEST: Readonly<Record<Name, readonly [method: string, path: string]>> = {
  approle: ['POST', 'auth/approle/login'],
  wrapped: ['POST', 'sys/wrapping/lookup'],
  kubernetes: ['POST', 'auth/kubernetes/login'],
  jwt: ['POST', 'auth/jwt/login'],
  cert: ['POST', 'auth/cert/login'],
  token: ['GET', LOOKUP_SELF],
};

/** A keystore with an identity of the process on a fake OpenBao. */
export interface Stage extends AsyncDisposable {
  readonly fake: FakeOpenBao;
  readonly clock: ManualClock;
  readonly files: Files;
  readonly log: RecordedLog;
  /** One use of the key: `ok`, or the class of the failure. */
  use(): Promise<string>;
  count(path: string): number;
}

let wrappingTokens = 0;
let ownCertificate: ReturnType<typeof issueOwn> | undefined;

async function issueOwn() {
  return (await createAuthority()).issue({ commonName: 'plugin' });
}

/** Opens it: every method logs in with success, by the token `t1` of 600 s, unless `at` names another address to go to. */
export async function openProcessIdentity(
  name: Name,
  options: { at?: string; loginAnswer?: Reply } = {},
): Promise<Stage> {
  const fake = await startFakeOpenBao();
  const { certificatePem, privateKeyPem } = await (ownCertificate ??= issueOwn());
  wrappingTokens += 1;
  const files = createFiles({
    '/ca': fake.caPem,
    '/secret-id': 'secret-1',
    '/wrapped': `wrapped-${wrappingTokens}`,
    '/token': 't1',
    '/tls.crt': certificatePem,
    '/tls.key': privateKeyPem,
  });
  const login = options.loginAnswer ?? tokenAnswer('t1', 600);
  for (const mount of ['approle', 'kubernetes', 'jwt', 'cert']) fake.on('POST', `auth/${mount}/login`, login);
  fake.on('POST', 'sys/wrapping/lookup', json(200, { data: { creation_path: 'auth/approle/role/cmk/secret-id' } }));
  fake.on('POST', 'sys/wrapping/unwrap', json(200, { data: { secret_id: 'secret-1' } }));
  fake.on('GET', LOOKUP_SELF, json(200, { data: { ttl: 600, renewable: true } }));
  fake.on('POST', RENEW_SELF, tokenAnswer('t1', 600));
  fake.on('POST', REVOKE_SELF, noContent);
  fake.on('GET', USE, keyAnswer('k'));
  const clock = new ManualClock();
  const log = recordLog();
  const yaml = stringify({
    development: true,
    openbao: { addresses: [options.at ?? fake.address], ca: file('/ca') },
    auth: AUTH[name],
  });
  const keystore = new TransitKeystore({
    configuration: parseConfiguration(yaml, { type: 'KeystoreInstanceKeyOperation' }),
    log: log.log,
    read: files.read,
    clock,
  });
  return {
    fake,
    clock,
    files,
    log,
    async use() {
      const signal = AbortSignal.timeout(10_000);
      const call = { access: {}, signal, deadline: performance.now() + 1e9, trace: { openbaoRequestIds: [] } };
      try {
        await keystore.describeKey(call, 'k');
        return 'ok';
      } catch (error) {
        return error instanceof KeystoreError ? error.class : String(error);
      }
    },
    count: (path) => fake.requests.filter((request) => request.path === path).length,
    async [Symbol.asyncDispose]() {
      await keystore.close();
      await fake[Symbol.asyncDispose]();
      expect(log.lines.join()).not.toMatch(/secret-\d|wrapped-\d|"t\d"|PRIVATE KEY/);
    },
  };
}
