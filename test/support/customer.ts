import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { startOpenBao, type OpenBaoOptions, type OpenBaoServer } from '../../scripts/openbao/server.ts';
import {
  administer,
  createKey,
  enableAppRole,
  enableCertAuth,
  mountState,
  mountTransit,
  writePolicy,
} from '../../scripts/openbao/setup.ts';
import { createAuthority, type Authority, type Identity } from './pki.ts';

/** The two ways in which the plugin comes to an identity so far. */
export type AuthMethod = 'approle' | 'callCertificate';

export const AUTH_METHODS: readonly AuthMethod[] = ['approle', 'callCertificate'];

/** A customer of OpenKCM with an OpenBao of their own, set up so that both methods of login lead to the same rights. */
export interface Customer extends AsyncDisposable {
  readonly bao: OpenBaoServer;
  /** Whose certificates the customer's OpenBao trusts. */
  readonly authority: Authority;
  /** A certificate of it, in the form of CMK's tenant certificates. */
  readonly identity: Identity;
  /** The same in form, from an authority that nobody trusts. */
  readonly stranger: Identity;
  readonly secretId: string;
  /** The plugin's configuration; `changes` are laid over its top level. */
  yaml(method: AuthMethod, changes?: Record<string, unknown>): string;
  /** `config.values` as CMK sends it: with a process identity nothing, else the certificate and the access data. */
  values(method: AuthMethod, changes?: Record<string, unknown>): Record<string, unknown>;
}

/** A key that the customer's policy denies although it exists. */
export const DENIED_KEY = 'denied';
/** A mount that does not exist, in which the customer's policy would allow reading. */
export const MISSING_MOUNT = 'nowhere';

/** The mount that holds the state of keys to come. */
export const STATE_MOUNT = 'keystore-state';

/** For tests that put all they have on the machine: what is to be seen there is not how fast it is. */
export const PATIENT = { limits: { readBudgetMs: 10_000, loginBudgetMs: 30_000, connectTimeoutMs: 10_000 } } as const;

/** Name of the AppRole, of the certificate role and of their policy. */
export const CUSTOMER_ROLE = 'openkcm';

const POLICY = `
path "transit/keys/+"    { capabilities = ["read", "update", "delete"] }
path "transit/keys/+/config"              { capabilities = ["update"] }
path "transit/keys/+/import"              { capabilities = ["update"] }
path "transit/keys/+/soft-delete"         { capabilities = ["delete"] }
path "transit/keys/+/soft-delete-restore" { capabilities = ["update"] }
path "transit/wrapping_key" { capabilities = ["read"] }
path "transit/encrypt/+" { capabilities = ["update"] }
path "transit/decrypt/+" { capabilities = ["update"] }
path "transit/rewrap/+"  { capabilities = ["update"] }
path "transit/keys/${DENIED_KEY}" { capabilities = ["deny"] }
path "${MISSING_MOUNT}/keys/+" { capabilities = ["read"] }
path "${STATE_MOUNT}/data/+"     { capabilities = ["create", "read", "update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
`;

/** Starts the customer's OpenBao with Transit, a policy, an AppRole and a certificate role. The caller disposes of it. */
export async function startCustomer(options: OpenBaoOptions = {}): Promise<Customer> {
  const bao = await startOpenBao(options);
  const folder = await mkdtemp(join(tmpdir(), 'customer-'));
  const dispose = async (): Promise<void> => {
    await bao.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return await setUp(bao, folder, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function setUp(bao: OpenBaoServer, folder: string, dispose: () => Promise<void>): Promise<Customer> {
  await mountTransit(bao);
  // OpenBao makes the wrapping key with the first question for it, and on a busy machine takes its time.
  await administer(bao, 'GET', 'transit/wrapping_key');
  await mountState(bao, STATE_MOUNT);
  await writePolicy(bao, CUSTOMER_ROLE, POLICY);
  await createKey(bao, { key: DENIED_KEY });
  const { roleId, secretId } = await enableAppRole(bao, { role: CUSTOMER_ROLE, policies: [CUSTOMER_ROLE] });
  const secretIdFile = join(folder, 'secret-id');
  await writeFile(secretIdFile, `${secretId}\n`, { mode: 0o600 });

  const authority = await createAuthority({ commonName: 'OpenKCM tenants' });
  await enableCertAuth(bao, {
    role: CUSTOMER_ROLE,
    policies: [CUSTOMER_ROLE],
    certificatePem: authority.certificatePem,
  });
  const subject = { commonName: 'cmk-tenant-1', locality: 'eu10', algorithm: 'RSA-3072', keyFormat: 'pkcs1' } as const;
  const identity = await authority.issue(subject);
  const stranger = await (await createAuthority({ commonName: 'Strangers' })).issue(subject);

  const ca = { source: 'file', file: { path: bao.caFile } };
  const configurations: Record<AuthMethod, object> = {
    approle: {
      openbao: { addresses: [bao.address], ca },
      auth: { method: 'approle', roleId, secretId: { source: 'file', file: { path: secretIdFile } } },
    },
    callCertificate: {
      openbao: { allowedAddresses: [{ pattern: bao.address, ca, privateAddresses: true }] },
    },
  };
  return {
    bao,
    authority,
    identity,
    stranger,
    secretId,
    yaml: (method, changes = {}) => stringify({ ...configurations[method], ...changes }),
    values: (method, changes = {}) =>
      method === 'approle'
        ? changes
        : {
            authType: 'AUTH_TYPE_CERTIFICATE',
            clientCert: identity.certificatePem,
            privateKey: identity.privateKeyPem,
            address: bao.address,
            mountPath: 'transit',
            authMountPath: 'cert',
            roleName: CUSTOMER_ROLE,
            ...changes,
          },
    [Symbol.asyncDispose]: dispose,
  };
}
