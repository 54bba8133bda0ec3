import { performance } from 'node:perf_hooks';

import { stringify } from 'yaml';

import { parseConfiguration } from '../../../../src/config/parse.ts';
import { Secret } from '../../../../src/config/secret.ts';
import type { CallAccess, KeystoreCall } from '../../../../src/keystore/call.ts';
import type { AccessData } from '../../../../src/keystore/keystore-provider.ts';
import { OpenBaoProvider } from '../../../../src/openbao/provider/openbao-provider.ts';
import {
  type FakeOpenBao,
  json,
  noContent,
  type Reply,
  startFakeOpenBao,
  tokenAnswer,
} from '../../../support/fake-openbao.ts';
import { type Authority, createAuthority, type Identity } from '../../../support/pki.ts';
import { type RecordedLog, recordLog } from '../../../support/record-log.ts';
import { until } from '../../../support/until.ts';

export const NAME = 'openkcm-0123456789abcdef';
export const OPERATOR_TOKEN = 'operator-token';
export const PROOF_TOKEN = 'proof-token';
export const SUBJECT = 'CN=crypto,OU=unit';

export const POLICIES = 'sys/policies/acl';
export const ROLES = 'auth/cert/certs';
export const ACCESSORS = 'auth/token/accessors';
export const LOOKUP_ACCESSOR = 'auth/token/lookup-accessor';
export const REVOKE_ACCESSOR = 'auth/token/revoke-accessor';

/** Names, as OpenBao lists them. */
export const names = (...keys: string[]) => json(200, { data: { keys } });

/** What a promise rejects with. */
export const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** A provider of keystores in mounts on a fake OpenBao, and one keystore that it may have made. */
export interface Stage extends AsyncDisposable {
  readonly fake: FakeOpenBao;
  readonly provider: OpenBaoProvider;
  readonly log: RecordedLog;
  readonly authority: Authority;
  /** The role management of the keystore. */
  readonly roleManager: Identity;
  /** Access data of one of its roles. */
  accessData(role: string): AccessData & CallAccess;
  /** A call with the role management's certificate and access data. */
  call(changes?: Partial<KeystoreCall>): KeystoreCall;
}

/** Opens it; `ca` is what `provider.ca` holds. Disposing fails when a connection is left. */
export async function openStage({ ca, otherwise }: { ca?: string; otherwise?: Reply } = {}): Promise<Stage> {
  const authority = await createAuthority({ commonName: 'Clients' });
  const roleManager = await authority.issue({ commonName: `${NAME}-roles` });
  const fake = await startFakeOpenBao(otherwise && { otherwise });
  fake.on('POST', 'auth/approle/login', tokenAnswer(OPERATOR_TOKEN, 3600));
  fake.on('POST', 'auth/cert/login', tokenAnswer(PROOF_TOKEN, 60));
  fake.on('POST', 'auth/token/revoke-self', noContent);
  fake.on('GET', 'auth/token/lookup-self', json(200, { data: {} }));
  fake.on('GET', 'sys/health', json(200, { sealed: false, standby: false, version: '2.7.2' }));
  const log = recordLog();
  const yaml = stringify({
    development: true,
    openbao: { addresses: [fake.address], ca: { value: fake.caPem } },
    auth: { method: 'approle', roleId: 'r', secretId: { value: 'secret-id' } },
    provider: { isolation: 'mount', ca: { value: ca ?? authority.certificatePem } },
  });
  const configuration = parseConfiguration(yaml, { type: 'KeystoreProvider' });
  const provider = new OpenBaoProvider({
    configuration,
    provider: configuration.provider!,
    log: log.log,
    read: (ref) => Promise.resolve(ref.source === 'embedded' ? ref.value : new Secret('')),
  });
  const accessData = (roleName: string): AccessData => ({
    address: fake.address,
    mountPath: NAME,
    authMountPath: 'cert',
    roleName,
    ...(roleName.startsWith(`${NAME}-keys`) && { stateMountPath: `${NAME}-state` }),
  });
  return {
    fake,
    provider,
    log,
    authority,
    roleManager,
    accessData,
    call: (changes = {}) => {
      const { certificatePem, privateKeyPem } = roleManager;
      const certificate = { certificateChainPem: certificatePem, privateKeyPem: new Secret(privateKeyPem) };
      return {
        access: { ...accessData(`${NAME}-roles`), certificate },
        signal: new AbortController().signal,
        deadline: performance.now() + 10_000,
        trace: { openbaoRequestIds: [] },
        ...changes,
      };
    },
    async [Symbol.asyncDispose]() {
      await provider.close();
      await until('all connections are closed', () => fake.connections === 0);
      await fake[Symbol.asyncDispose]();
    },
  };
}
