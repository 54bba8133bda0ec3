import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { startOpenBao, type OpenBaoServer } from '../../scripts/openbao/server.ts';
import { createNamespace, enableAppRole, enableCertAuth, writePolicy } from '../../scripts/openbao/setup.ts';
import { OPERATOR_RULES } from '../../src/openbao/provider/operator-policy.ts';
import { formatPolicy, OWN_TOKEN_RULES, type PolicyRule } from '../../src/openbao/provider/policy.ts';
import { type Authority, createAuthority, type Identity, type Subject } from './pki.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The two ways in which a provider keeps keystores apart. */
export type Isolation = 'namespace' | 'mount';

export const ISOLATIONS: readonly Isolation[] = ['namespace', 'mount'];

/** What the names of keystores begin with. */
export const PREFIX = 'openkcm-';

/** Name of the operator's AppRole and of its policy: not one that the policy itself lets the operator write. */
const operatorOf = (isolation: Isolation): string => `keystore-operator-${isolation}`;
const AUTH_MOUNT = 'cert';

type Server = Pick<OpenBaoServer, 'address' | 'caFile' | 'request' | 'rootToken' | 'pause' | 'resume'>;

/** An operator of OpenKCM who keeps keystores for BYOK: an OpenBao, and in it one namespace per isolation. */
export interface KeystoreOperator extends AsyncDisposable {
  readonly bao: Server;
  /** Issues the certificates that may be granted trust. */
  readonly authority: Authority;
  /** The rules of the provider's identity, without those on its own token. */
  rules(isolation: Isolation): readonly PolicyRule[];
  /** Gives the provider's identity these rules and no other; at once. */
  setRules(isolation: Isolation, rules: readonly PolicyRule[]): Promise<void>;
  /** The namespace below which, or in which, keystores are. */
  namespace(isolation: Isolation): string;
  /** The provider's configuration as CMK hands it over; `provider` is laid over that block. */
  providerYaml(isolation: Isolation, provider?: Record<string, unknown>): string;
  /** Configuration of the plugin that uses the keystores. */
  operationsYaml(): string;
  /** `config.values` as CMK builds it: a certificate, and access data over it. */
  values(identity: Identity, accessData?: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** A certificate as CMK's issuer makes it. */
  issue(subject: Subject): Promise<Identity>;
  /** What must be seen nowhere. */
  secretIds(): readonly string[];
  /** Everything that a provider makes, by name. */
  inventory(isolation: Isolation): Promise<Inventory>;
}

export interface Inventory {
  readonly namespaces: readonly string[];
  readonly mounts: readonly string[];
  readonly policies: readonly string[];
  readonly roles: readonly string[];
}

export const REGIONS = [{ name: 'eu10', technicalName: 'eu-central-1' }];

/** Starts OpenBao and sets it up, in the root namespace if need be. */
export async function startKeystoreOperator({ root = false } = {}): Promise<KeystoreOperator> {
  const bao = await startOpenBao();
  try {
    return await setUpKeystoreOperator(bao, { root, dispose: () => bao.stop() });
  } catch (error) {
    await bao.stop();
    throw error;
  }
}

/**
 * Sets up an OpenBao that is there, by its own administrator's requests. The provider's identity has exactly the documented
 * policy; it and everybody else goes to the server's `address`.
 */
export async function setUpKeystoreOperator(
  bao: Server,
  { root = false, dispose = () => Promise.resolve() }: { root?: boolean; dispose?: () => Promise<void> } = {},
): Promise<KeystoreOperator> {
  const stack = new AsyncDisposableStack();
  stack.defer(dispose);
  const folder = stack.use(await temporaryFolder());
  const namespaceOf = (isolation: Isolation): string => (root ? '' : `byok-${isolation}`);
  return setUp(bao, folder.path, namespaceOf, () => stack.disposeAsync());
}

async function setUp(
  bao: Server,
  folder: string,
  namespaceOf: (isolation: Isolation) => string,
  dispose: () => Promise<void>,
): Promise<KeystoreOperator> {
  const authority = await createAuthority({ commonName: 'OpenKCM', algorithm: 'RSA-3072' });
  await writeFile(join(folder, 'authorities.pem'), authority.certificatePem);
  const rules = (isolation: Isolation): readonly PolicyRule[] =>
    OPERATOR_RULES[isolation]({ isolation, namePrefix: PREFIX, authMount: AUTH_MOUNT });
  const setRules: KeystoreOperator['setRules'] = (isolation, given) =>
    writePolicy(bao, operatorOf(isolation), formatPolicy([...given, ...OWN_TOKEN_RULES]), namespaceOf(isolation));
  const [roleIds, secretIds] = [new Map<Isolation, string>(), new Set<string>()];
  for (const isolation of ISOLATIONS) {
    const namespace = namespaceOf(isolation);
    if (namespace !== '') await createNamespace(bao, namespace);
    await setRules(isolation, rules(isolation));
    const role = operatorOf(isolation);
    const { roleId, secretId } = await enableAppRole(bao, { role, policies: [role], namespace });
    roleIds.set(isolation, roleId);
    secretIds.add(secretId);
    await writeFile(join(folder, isolation), secretId, { mode: 0o600 });
  }
  // Shared keystores need the method there, and it may serve others.
  const { certificatePem } = authority;
  await enableCertAuth(bao, {
    role: 'of-others',
    policies: ['of-others'],
    certificatePem,
    namespace: namespaceOf('mount'),
  });

  const file = (path: string): object => ({ source: 'file', file: { path } });
  const names = async (namespace: string, method: string, path: string): Promise<string[]> => {
    const answer = await bao.request(method, path, undefined, { namespace });
    if (answer.status === 404) return [];
    const { data } = answer.body as { data: { keys?: string[] } & Record<string, unknown> };
    return data.keys ?? Object.keys(data);
  };
  return {
    bao,
    authority,
    rules,
    setRules,
    namespace: namespaceOf,
    providerYaml: (isolation, provider = {}) =>
      stringify({
        openbao: { addresses: [bao.address], namespace: namespaceOf(isolation), ca: file(bao.caFile) },
        auth: { method: 'approle', roleId: roleIds.get(isolation), secretId: file(join(folder, isolation)) },
        provider: { isolation, ca: file(join(folder, 'authorities.pem')), ...provider },
        supportedregions: {
          source: 'embedded',
          env: '',
          file: { path: '', format: '', jsonPath: '' },
          value: JSON.stringify({ regions: REGIONS }),
        },
      }),
    operationsYaml: () =>
      stringify({
        openbao: { allowedAddresses: [{ pattern: bao.address, ca: file(bao.caFile), privateAddresses: true }] },
        keys: { deletion: 'destroy', region: 'eu10' },
      }),
    values: ({ certificatePem: clientCert, privateKeyPem: privateKey }, accessData = {}) => ({
      authType: 'AUTH_TYPE_CERTIFICATE',
      clientCert,
      privateKey,
      ...accessData,
    }),
    issue: (subject) => authority.issue({ ...subject, algorithm: 'RSA-3072', keyFormat: 'pkcs1' }),
    secretIds: () => [...secretIds],
    async inventory(isolation) {
      const namespace = namespaceOf(isolation);
      return {
        namespaces: await names(namespace, 'LIST', 'sys/namespaces'),
        mounts: await names(namespace, 'GET', 'sys/mounts'),
        policies: await names(namespace, 'LIST', 'sys/policies/acl'),
        roles: isolation === 'mount' ? await names(namespace, 'LIST', `auth/${AUTH_MOUNT}/certs`) : [],
      };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Whoever has logged in with a certificate, sending requests as nothing of ours would. */
export interface Visitor {
  readonly token: string;
  readonly accessor: string;
  /** The status of one request in the keystore's namespace. */
  try(method: string, path: string, body?: object): Promise<number>;
}

/** Logs in by hand as access data say; the status instead when OpenBao refuses. */
export async function visit(
  { bao }: Pick<KeystoreOperator, 'bao'>,
  { certificatePem: certificate, privateKeyPem: key }: Identity,
  accessData: Readonly<Record<string, unknown>>,
): Promise<Visitor | number> {
  const { authMountPath, namespace: place, roleName } = accessData;
  const namespace = typeof place === 'string' ? place : '';
  const login = `auth/${String(authMountPath)}/login`;
  const answer = await bao.request('POST', login, { name: roleName }, { namespace, token: '', certificate, key });
  if (answer.status !== 200) return answer.status;
  const { accessor, client_token: token } = (answer.body as { auth: { accessor: string; client_token: string } }).auth;
  return {
    token,
    accessor,
    try: async (method, path, body) => (await bao.request(method, path, body, { namespace, token })).status,
  };
}

/** Whether a token is still known to OpenBao. */
export async function isAlive(
  { bao }: Pick<KeystoreOperator, 'bao'>,
  accessor: string,
  namespace: string,
): Promise<boolean> {
  const answer = await bao.request('POST', 'auth/token/lookup-accessor', { accessor }, { namespace });
  return answer.status === 200;
}
