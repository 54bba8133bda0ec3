import { fill, POLICY_LINES, TOKEN_LINES } from '../../src/openbao/policies/least-policies.ts';
import type { OpenBaoServer } from './server.ts';

type Server = Pick<OpenBaoServer, 'request'>;

/** Where a key lives; the mount defaults to `transit`. */
export interface KeyPlace {
  readonly key: string;
  readonly mount?: string;
}

/** What a login role hands out. */
export interface RoleOptions {
  /** Path of the auth mount; defaults to the method's name. */
  readonly mount?: string;
  readonly role: string;
  readonly policies: readonly string[];
  /** Go durations, such as `20s`; defaults of the server when absent. */
  readonly tokenTtl?: string;
  readonly tokenMaxTtl?: string;
  /** Whether tokens also get OpenBao's `default` policy; false by default, as a hardened set-up has it. */
  readonly defaultPolicy?: boolean;
  /** Namespace that holds the mount. */
  readonly namespace?: string;
}

/** Does what an administrator would, and throws with OpenBao's words when it is refused. */
export async function administer(
  bao: Server,
  method: string,
  path: string,
  body?: object,
  options?: { namespace?: string | undefined },
): Promise<Record<string, unknown>> {
  const namespace = options?.namespace;
  const answer = await bao.request(method, path, body, namespace === undefined ? {} : { namespace });
  if (answer.status !== 200 && answer.status !== 204) {
    throw new Error(`OpenBao: ${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return (answer.body as { data?: Record<string, unknown> } | undefined)?.data ?? {};
}

/** Mounts Transit; an encrypt on a missing key creates none, unless `upsert`. */
export async function mountTransit(
  bao: Server,
  options: { mount?: string; upsert?: boolean; namespace?: string } = {},
): Promise<void> {
  const { mount = 'transit', upsert = false, namespace } = options;
  await administer(bao, 'POST', `sys/mounts/${mount}`, { type: 'transit' }, { namespace });
  if (!upsert) await administer(bao, 'POST', `${mount}/config/keys`, { disable_upsert: true }, { namespace });
}

/** Mounts KV version 2, which holds the state of keys whose material is still to come. */
export async function mountState(bao: Server, mount: string, namespace?: string): Promise<void> {
  await administer(bao, 'POST', `sys/mounts/${mount}`, { type: 'kv', options: { version: '2' } }, { namespace });
}

export async function createNamespace(bao: Server, name: string): Promise<void> {
  await administer(bao, 'POST', `sys/namespaces/${name}`);
}

/** Creates a Transit key, `aes256-gcm96` unless `type` says otherwise. */
export async function createKey(
  bao: Server,
  place: KeyPlace & { type?: string; derived?: boolean; namespace?: string },
): Promise<void> {
  const { type = 'aes256-gcm96', derived = false, namespace } = place;
  await administer(bao, 'POST', keyPath(place), { type, derived }, { namespace });
}

export async function rotateKey(bao: Server, place: KeyPlace): Promise<void> {
  await administer(bao, 'POST', `${keyPath(place)}/rotate`);
}

/** Changes a key's configuration: `min_decryption_version`, `deletion_allowed` and their kind. */
export async function configureKey(bao: Server, place: KeyPlace, configuration: object): Promise<void> {
  await administer(bao, 'POST', `${keyPath(place)}/config`, configuration);
}

/** The customer's kill switch: the key stays and refuses all use until it is restored. */
export async function softDeleteKey(bao: Server, place: KeyPlace): Promise<void> {
  await administer(bao, 'DELETE', `${keyPath(place)}/soft-delete`);
}

export async function restoreKey(bao: Server, place: KeyPlace): Promise<void> {
  await administer(bao, 'POST', `${keyPath(place)}/soft-delete-restore`);
}

/** What OpenBao tells of a key. */
export async function readKey(bao: Server, place: KeyPlace): Promise<Record<string, unknown>> {
  return administer(bao, 'GET', keyPath(place));
}

export async function writePolicy(bao: Server, name: string, policy: string, namespace?: string): Promise<void> {
  await administer(bao, 'POST', `sys/policies/acl/${name}`, { policy }, { namespace });
}

/** The least policy, in HCL, to use one key and see its state, for tokens without the `default` policy; a line each. */
export function leastPolicy({ key, mount = 'transit' }: KeyPlace): string {
  const lines = [...POLICY_LINES['hyok-management'], ...POLICY_LINES.crypto, ...TOKEN_LINES];
  const rights = lines.map(({ capability, path }) => ({ capability, path: fill(path, { m: mount, k: key }) }));
  const width = Math.max(...rights.map(({ path }) => path.length)) + 2;
  return rights
    .map(({ capability, path }) => `path ${`"${path}"`.padEnd(width)} { capabilities = ["${capability}"] }\n`)
    .join('');
}

/** Mounts AppRole if needed, writes the role and draws a secret id. */
export async function enableAppRole(
  bao: Server,
  options: RoleOptions & { secretIdNumUses?: number; secretIdTtl?: string },
): Promise<{ roleId: string; secretId: string }> {
  const { mount = 'approle', role, namespace, secretIdNumUses, secretIdTtl } = options;
  await enableAuth(bao, 'approle', mount, namespace);
  const path = `auth/${mount}/role/${role}`;
  const limits = { secret_id_num_uses: secretIdNumUses, secret_id_ttl: secretIdTtl };
  await administer(bao, 'POST', path, { ...tokenFields(options), ...limits }, { namespace });
  const { role_id: roleId } = await administer(bao, 'GET', `${path}/role-id`, undefined, { namespace });
  return { roleId: String(roleId), secretId: await drawSecretId(bao, { mount, role, ...only({ namespace }) }) };
}

/** A further secret id of an AppRole. */
export async function drawSecretId(
  bao: Server,
  { mount = 'approle', role, namespace }: Pick<RoleOptions, 'mount' | 'role' | 'namespace'>,
): Promise<string> {
  const { secret_id: secretId } = await administer(
    bao,
    'POST',
    `auth/${mount}/role/${role}/secret-id`,
    {},
    { namespace },
  );
  return String(secretId);
}

/** Mounts the `cert` method if needed and trusts `certificatePem`: an authority, or one client's own certificate. */
export async function enableCertAuth(
  bao: Server,
  options: RoleOptions & {
    certificatePem: string;
    allowedCommonNames?: readonly string[];
    allowedOrganizationalUnits?: readonly string[];
  },
): Promise<void> {
  const { mount = 'cert', role, namespace, certificatePem, allowedCommonNames, allowedOrganizationalUnits } = options;
  await enableAuth(bao, 'cert', mount, namespace);
  const rules = {
    certificate: certificatePem,
    allowed_common_names: allowedCommonNames,
    allowed_organizational_units: allowedOrganizationalUnits,
  };
  await administer(bao, 'POST', `auth/${mount}/certs/${role}`, { ...tokenFields(options), ...rules }, { namespace });
}

/** A response-wrapping token of a further secret id, good for one unwrapping in the time of `ttl`. */
export async function wrapSecretId(
  bao: Server,
  options: Pick<RoleOptions, 'mount' | 'role' | 'namespace'> & { ttl?: string },
): Promise<string> {
  const { mount = 'approle', role, namespace, ttl = '300s' } = options;
  return wrap(bao, `auth/${mount}/role/${role}/secret-id`, { ttl, namespace });
}

/** A response-wrapping token of what a path answers to a write. */
export async function wrap(
  bao: Server,
  path: string,
  { body = {}, ttl = '300s', namespace }: { body?: object; ttl?: string; namespace?: string | undefined } = {},
): Promise<string> {
  const answer = await bao.request('POST', path, body, {
    headers: { 'X-Vault-Wrap-TTL': ttl },
    ...only({ namespace }),
  });
  const token: unknown = (answer.body as { wrap_info?: { token?: unknown } } | undefined)?.wrap_info?.token;
  if (typeof token !== 'string') throw new Error(`OpenBao: POST ${path}: ${answer.status}, and nothing was wrapped`);
  return token;
}

/** Mounts the `kubernetes` method if needed, points it to a server of token reviews and writes the role. */
export async function enableKubernetes(
  bao: Server,
  options: RoleOptions & {
    reviewer: { address: string; caPem: string };
    serviceAccounts: readonly string[];
    namespaces: readonly string[];
    audience?: string;
  },
): Promise<void> {
  const { mount = 'kubernetes', role, namespace, reviewer, serviceAccounts, namespaces, audience } = options;
  await enableAuth(bao, 'kubernetes', mount, namespace);
  const config = {
    kubernetes_host: reviewer.address,
    kubernetes_ca_cert: reviewer.caPem,
    disable_local_ca_jwt: true,
    token_reviewer_jwt: 'reviewer',
  };
  await administer(bao, 'POST', `auth/${mount}/config`, config, { namespace });
  const rules = {
    bound_service_account_names: serviceAccounts,
    bound_service_account_namespaces: namespaces,
    audience,
  };
  await administer(bao, 'POST', `auth/${mount}/role/${role}`, { ...tokenFields(options), ...rules }, { namespace });
}

/** Where the `jwt` method finds the keys of issuers: given as PEM, or asked for at a URL. */
export type JwtKeys = { readonly publicKeysPem: readonly string[] } | { readonly url: string; readonly caPem: string };

/** Mounts the `jwt` method if needed, trusts the keys and writes the role. */
export async function enableJwt(
  bao: Server,
  options: RoleOptions & { keys: JwtKeys; audience: string; subject?: string },
): Promise<void> {
  const { mount = 'jwt', role, namespace, keys, audience, subject } = options;
  await enableAuth(bao, 'jwt', mount, namespace);
  const config =
    'url' in keys
      ? { jwks_url: keys.url, jwks_ca_pem: keys.caPem, skip_jwks_validation: true }
      : { jwt_validation_pubkeys: keys.publicKeysPem };
  await administer(bao, 'POST', `auth/${mount}/config`, config, { namespace });
  const rules = { role_type: 'jwt', user_claim: 'sub', bound_audiences: [audience], bound_subject: subject };
  await administer(bao, 'POST', `auth/${mount}/role/${role}`, { ...tokenFields(options), ...rules }, { namespace });
}

async function enableAuth(bao: Server, type: string, mount: string, namespace: string | undefined): Promise<void> {
  const methods = await administer(bao, 'GET', 'sys/auth', undefined, { namespace });
  if (!(`${mount}/` in methods)) await administer(bao, 'POST', `sys/auth/${mount}`, { type }, { namespace });
}

function tokenFields({ policies, tokenTtl, tokenMaxTtl, defaultPolicy = false }: RoleOptions): object {
  return {
    token_policies: policies,
    token_ttl: tokenTtl,
    token_max_ttl: tokenMaxTtl,
    token_no_default_policy: !defaultPolicy,
  };
}

function keyPath({ key, mount = 'transit' }: KeyPlace): string {
  return `${mount}/keys/${key}`;
}

function only<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
