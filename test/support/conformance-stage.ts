import { randomUUID } from 'node:crypto';

import type { Capability, Stage, StageFacts, Values } from '../../keystore-contract/conformance/stage.ts';
import {
  administer,
  configureKey,
  createKey,
  restoreKey,
  rotateKey,
  softDeleteKey,
} from '../../scripts/openbao/setup.ts';
import { type AuthMethod, CUSTOMER_ROLE, type Customer, DENIED_KEY, MISSING_MOUNT, STATE_MOUNT } from './customer.ts';
import type { Identity } from './pki.ts';

/** Addresses that the configurations of stages allow, and that nobody listens at. */
const UNREACHABLE = 'https://127.0.0.1:1';
const UNVISITED = 'https://127.0.0.1:2';
const OTHER_MOUNT = 'store';
const YESTERDAY_MS = 86_400_000;

/** What the stage of each identity does not offer: keep it in step with what {@link createCustomerStage} makes. */
export const LACKING: Readonly<Record<AuthMethod, readonly Capability[]>> = {
  callCertificate: ['deletionDestroys', 'noDefaultRegion'],
  approle: [
    'deletionDisables',
    'callCertificate',
    'strangerValues',
    'mismatchedValues',
    'unreachableValues',
    'unvisitedValues',
    'missingMountValues',
    'otherMountValues',
    'missingNamespaceValues',
    'missingInManagement',
    'defaultRegion',
  ],
};

/** What configures a plugin for a stage, and the stage around it. */
export interface CustomerStage {
  readonly yaml: string;
  readonly stage: Stage;
}

/** Everything that a case may need, around a customer's OpenBao, with one of the two identities. */
export async function createCustomerStage(customer: Customer, method: AuthMethod): Promise<CustomerStage> {
  const { bao, stranger } = customer;
  const key = (name: string): string => `${method}-${name}`;
  await createKey(bao, { key: key('usable') });
  await createKey(bao, { key: key('rsa'), type: 'rsa-3072' });
  await createKey(bao, { key: key('signing'), type: 'ed25519' });
  await createKey(bao, { key: key('derived'), derived: true });
  const byCertificate = method === 'callCertificate';
  if (byCertificate) await mountStore(customer);
  const values = customer.values(method);
  return {
    yaml: configure(customer, method, key('usable')),
    stage: {
      facts: {
        key: key('usable'),
        values,
        missingKey: key('missing'),
        deniedKey: DENIED_KEY,
        rsaKey: key('rsa'),
        signingKey: key('signing'),
        derivedKey: key('derived'),
        keyRegion: 'eu10',
        foreignRegion: 'mars',
        oversizedPlaintext: Buffer.alloc(1024 * 1024 + 1),
        ...(byCertificate
          ? {
              defaultRegion: 'eu10',
              ...placesAround(values, {
                stranger,
                unreachable: UNREACHABLE,
                unvisited: UNVISITED,
                missingMount: MISSING_MOUNT,
                otherMount: OTHER_MOUNT,
              }),
            }
          : identityOfItsOwn(bao.address)),
      },
      acts: acts(customer),
      traits: [
        'openBaoAccessData',
        'systemManagedKeys',
        'deepHealth',
        ...(byCertificate
          ? (['callCertificate', 'deletionDisables'] as const)
          : (['noDefaultRegion', 'deletionDestroys'] as const)),
      ],
    },
  };
}

/** The facts of a stage whose calls bring an address and a certificate: variations of what they bring. */
export function placesAround(
  values: Values,
  others: {
    readonly stranger: Identity;
    readonly unreachable: string;
    readonly unvisited: string;
    readonly missingMount: string;
    readonly otherMount: string;
  },
) {
  const { address, authMountPath, mountPath, roleName } = values;
  const { certificatePem, privateKeyPem } = others.stranger;
  return {
    strangerValues: { ...values, clientCert: certificatePem, privateKey: privateKeyPem },
    mismatchedValues: { ...values, privateKey: privateKeyPem },
    unreachableValues: { ...values, address: others.unreachable },
    unvisitedValues: { ...values, address: others.unvisited },
    forbiddenAddressValues: { ...values, address: 'https://keystore.example.net' },
    missingMountValues: { ...values, mountPath: others.missingMount },
    otherMountValues: { ...values, mountPath: others.otherMount },
    missingNamespaceValues: { ...values, namespace: 'nowhere' },
    management: { address, mountPath, authMountPath, roleName },
    region: { address, mountPath, authMountPath: 'cert-operators', roleName: 'operator' },
    missingInManagement: 'address',
    missingInRegion: 'crypto.eu10.address',
  } satisfies Partial<StageFacts>;
}

// With an identity of its own a plugin is not to be steered by tenants; regions bring their certificates all the same.
function identityOfItsOwn(address: string) {
  return {
    forbiddenAddressValues: { address: 'https://keystore.example.net' },
    management: {},
    region: { address, authMountPath: 'cert-operators', roleName: 'operator' },
    missingInRegion: 'crypto.eu10.address',
  } satisfies Partial<StageFacts>;
}

/** The same `providerParams` as they were made a day before those that have just expired. */
export function forgeExpiry(providerParams: string): string {
  const params = JSON.parse(providerParams) as Record<string, unknown>;
  return JSON.stringify({ ...params, expires: new Date(Date.now() - YESTERDAY_MS).toISOString() });
}

async function mountStore({ bao }: Customer): Promise<void> {
  await administer(bao, 'POST', `sys/mounts/${OTHER_MOUNT}`, { type: 'kv' });
  const { policy } = await administer(bao, 'GET', `sys/policies/acl/${CUSTOMER_ROLE}`);
  const more = `path "${OTHER_MOUNT}/keys/+" { capabilities = ["read"] }`;
  await administer(bao, 'POST', `sys/policies/acl/${CUSTOMER_ROLE}`, { policy: `${String(policy)}\n${more}` });
}

function configure({ bao, yaml }: Customer, method: AuthMethod, testKey: string): string {
  const ca = { source: 'file', file: { path: bao.caFile } };
  const regions = ['eu10', 'us-20'];
  const keys = { stateMount: STATE_MOUNT, regions };
  if (method === 'approle') return yaml(method, { keys: { ...keys, deletion: 'destroy' }, crypto: { testKey } });
  const allowedAddresses = [bao.address, UNREACHABLE, UNVISITED].map((pattern) => ({
    pattern,
    ca,
    privateAddresses: true,
  }));
  return yaml(method, { openbao: { allowedAddresses }, keys: { ...keys, region: 'eu10' }, crypto: { testKey } });
}

function acts({ bao }: Customer): Stage['acts'] {
  return {
    async newKey() {
      const key = randomUUID();
      await createKey(bao, { key });
      return key;
    },
    newId: () => Promise.resolve(randomUUID()),
    rotate: (key) => rotateKey(bao, { key }),
    softDelete: (key) => softDeleteKey(bao, { key }),
    restore: (key) => restoreKey(bao, { key }),
    async destroy(key) {
      await configureKey(bao, { key }, { deletion_allowed: true });
      await administer(bao, 'DELETE', `transit/keys/${key}`);
    },
    async retire(key) {
      const { latest_version: latest } = await administer(bao, 'GET', `transit/keys/${key}`);
      await configureKey(bao, { key }, { min_decryption_version: latest });
    },
    expire: (providerParams) => Promise.resolve(forgeExpiry(providerParams)),
    seal: () => bao.seal(),
    unseal: () => bao.unseal(),
  };
}
