import { performance } from 'node:perf_hooks';

import { stringify } from 'yaml';

import { parseConfiguration } from '../../../../src/config/parse.ts';
import { Secret } from '../../../../src/config/secret.ts';
import type { ReadValue } from '../../../../src/openbao/auth/read-value.ts';
import type { CallAccess, KeystoreCall } from '../../../../src/keystore/call.ts';
import type { AccessData } from '../../../../src/keystore/keystore-provider.ts';
import { systemClock } from '../../../../src/openbao/clock.ts';
import { createSessionSource } from '../../../../src/openbao/open-session.ts';
import { OperatorTurns } from '../../../../src/openbao/provider/operator-turns.ts';
import { type KeystorePlace, Places } from '../../../../src/openbao/provider/place.ts';
import { createTargetResolver } from '../../../../src/openbao/target.ts';
import { createCertificateReader } from '../../../../src/openbao/client-certificate.ts';
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
  /** The turns of the same operator, for a change whose time the provider would not make so short. */
  readonly turns: OperatorTurns;
  readonly place: KeystorePlace;
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
  const read: ReadValue = (ref) => Promise.resolve(ref.source === 'embedded' ? ref.value : new Secret(''));
  const settings = configuration.provider!;
  const provider = new OpenBaoProvider({ configuration, provider: settings, log: log.log, read });
  const turns = new OperatorTurns({
    limits: configuration.limits,
    target: createTargetResolver(configuration, createCertificateReader(1)).resolve({}),
    open: createSessionSource({ configuration, read, clock: systemClock, log: log.log }),
    clock: systemClock,
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
    turns,
    place: new Places(configuration, settings).named(NAME)!,
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
      await Promise.all([provider.close(), turns.close(new AbortController().signal)]);
      await until('all connections are closed', () => fake.connections === 0);
      await fake[Symbol.asyncDispose]();
    },
  };
}
