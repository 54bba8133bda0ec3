import { SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { type CreateKeystoreResponse, TrustType } from '../../proto/gen/plugin/keystore/management/v1/management.ts';
import { administer, createKey } from '../../scripts/openbao/setup.ts';
import { type InProcessPlugin, startInProcessPlugin } from '../support/in-process-plugin.ts';
import { type Isolation, type KeystoreOperator, visit, type Visitor } from '../support/keystore-operator.ts';
import type { Identity, Subject } from '../support/pki.ts';
import { until } from '../support/until.ts';

export const { config, cryptoOperation, keyOperation, provider } = SERVICE_DEFINITIONS;
export const { TRUST_TYPE_CRYPTO: CRYPTO, TRUST_TYPE_MANAGEMENT: MANAGEMENT } = TrustType;

/** What CMK asks crypto trust for, and the subject of the certificate that will come. */
export const SUBJECT = 'CN=crypto-eu10,OU=Crypto/0f2c,O=Example,L=eu10,C=DE';
export const CRYPTO_SUBJECT = {
  commonName: 'crypto-eu10',
  organizationalUnits: ['Crypto', '0f2c'],
  organization: 'Example',
  locality: 'eu10',
  country: 'DE',
} as const satisfies Subject;
/** What CMK asks management trust for. */
export const TENANT = 'cmk-byok-tenant-1';

export type AccessData = Readonly<Record<string, string>>;

/** What CMK keeps of a keystore. */
export interface Keystore {
  readonly name: string;
  readonly answer: CreateKeystoreResponse;
  readonly roleAccess: AccessData;
  readonly keyAccess: AccessData;
  readonly roleManager: Identity;
  /** Where its parts are. */
  readonly namespace: string;
  readonly transit: string;
  readonly state: string;
}

/** The provider of one isolation, beside the plugin that uses its keystores, both as CMK has them. */
export interface ProviderStage extends AsyncDisposable {
  readonly isolation: Isolation;
  readonly plugin: InProcessPlugin;
  readonly operations: InProcessPlugin;
  createKeystore(): Promise<Keystore>;
  /** `GrantTrustRequest` with the role management's certificate. */
  grantRequest(keystore: Keystore, type: TrustType, subject: string, region?: string): GrantRequest;
  grant(keystore: Keystore, type: TrustType, subject: string, region?: string): Promise<AccessData>;
  removeTrust(keystore: Keystore, accessData: AccessData): Promise<unknown>;
  /** Resolves when what the provider makes is what it was; removals go on after their answer. */
  untilAs(before: unknown): Promise<void>;
  /** Log lines that say what is left over of keystores that could not be made. */
  leftOvers(): Record<string, unknown>[];
}

interface GrantRequest {
  readonly config: { readonly values: Record<string, unknown> };
  readonly subject: string;
  readonly region: string;
  readonly type: TrustType;
}

export async function openProviderStage(operator: KeystoreOperator, isolation: Isolation): Promise<ProviderStage> {
  const stack = new AsyncDisposableStack();
  const plugin = stack.use(await startInProcessPlugin({ type: 'KeystoreProvider' }));
  await plugin.call(config.configure, { yamlConfiguration: operator.providerYaml(isolation) });
  const operations = stack.use(await startInProcessPlugin());
  await operations.call(config.configure, { yamlConfiguration: operator.operationsYaml() });

  const roleConfig = ({ roleAccess, roleManager }: Keystore) => ({ values: operator.values(roleManager, roleAccess) });
  const stage: ProviderStage = {
    isolation,
    plugin,
    operations,
    async createKeystore() {
      const answer = await plugin.call(provider.createKeystore, { values: {} });
      const { accountId: name = '', keyManagementConfig, roleManagementConfig } = answer;
      const roleAccess = roleManagementConfig?.accessData?.values as AccessData;
      const keyAccess = keyManagementConfig?.accessData?.values as AccessData;
      const roleManager = await operator.issue({ commonName: `${name}-roles`, locality: name });
      const { mountPath: transit = '', namespace = '', stateMountPath: state = '' } = keyAccess;
      return { name, answer, roleAccess, keyAccess, roleManager, namespace, transit, state };
    },
    grantRequest: (keystore, type, subject, region = 'eu10') => ({
      config: roleConfig(keystore),
      subject,
      region,
      type,
    }),
    async grant(...request) {
      return (await plugin.call(provider.grantTrust, stage.grantRequest(...request))).accessData as AccessData;
    },
    removeTrust: (keystore, accessData) =>
      plugin.call(provider.removeTrust, { config: roleConfig(keystore), accessData }),
    untilAs: (before) =>
      until('what was there before', async () => {
        return JSON.stringify(await operator.inventory(isolation)) === JSON.stringify(before);
      }),
    leftOvers: () =>
      plugin
        .logLines()
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => 'left_over' in line),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  return stage;
}

/** Logs in by hand, and rejects when that is refused. */
export async function come(operator: KeystoreOperator, identity: Identity, accessData: AccessData): Promise<Visitor> {
  const visitor = await visit(operator, identity, accessData);
  if (typeof visitor === 'number') throw new Error(`login refused with ${visitor}`);
  return visitor;
}

/** A key in a keystore, made by nobody who has to come in. */
export function makeKey({ bao }: KeystoreOperator, { namespace, transit }: Keystore, key = 'k'): Promise<void> {
  return createKey(bao, { mount: transit, key, namespace });
}

/** Destroys a key, made by {@link makeKey} or not. */
export async function destroyKey({ bao }: KeystoreOperator, keystore: Keystore, key = 'k'): Promise<void> {
  const path = `${keystore.transit}/keys/${key}`;
  await administer(bao, 'POST', `${path}/config`, { deletion_allowed: true }, keystore);
  await administer(bao, 'DELETE', path, undefined, keystore);
}
