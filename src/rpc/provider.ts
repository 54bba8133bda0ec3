import type { KeystoreInstanceConfig } from '../../proto/gen/plugin/keystore/common/v1/common.ts';
import {
  KeystoreCreationStatus,
  type KeystoreProviderServer,
  type ManagementConfig,
  TrustType,
} from '../../proto/gen/plugin/keystore/management/v1/management.ts';
import type {
  KeystoreProvider,
  ProvisionedKeystore,
  TrustedParty,
  TrustType as Trust,
} from '../keystore/keystore-provider.ts';
import { isPathSegment } from '../config/path-rules.ts';
import type { ActiveKeystore } from './active-keystore.ts';
import { toTimestampOfDate } from './convert.ts';
import { invalid, toKeystoreCall } from './request.ts';
import { unary, type UnaryEnvironment } from './unary.ts';

const TRUST_TYPES: ReadonlyMap<TrustType, Trust> = new Map([
  [TrustType.TRUST_TYPE_MANAGEMENT, 'MANAGEMENT'],
  [TrustType.TRUST_TYPE_CRYPTO, 'CRYPTO'],
]);

const ACTIVE = KeystoreCreationStatus.KEYSTORE_CREATION_STATUS_ACTIVE;

/** `plugin.keystore.management.v1.KeystoreProvider`: the keystores that CMK keeps for its tenants' own keys. */
export function createProvider(
  provider: ActiveKeystore<KeystoreProvider>,
  environment: UnaryEnvironment,
): KeystoreProviderServer {
  const change = { face: 'operations', budgetMs: () => provider.get().limits.changeBudgetMs } as const;
  const setup = { face: 'operations', budgetMs: () => provider.get().limits.setupBudgetMs } as const;

  return {
    createKeystore: unary(environment, {
      ...setup,
      rpc: 'CreateKeystore',
      async handle(_request, context) {
        const keystore = await provider.get().createKeystore(toKeystoreCall(undefined, context));
        return {
          ...toSetup(keystore),
          config: undefined,
          accountId: keystore.accountId,
          creationTime: toTimestampOfDate(keystore.createdAt),
        };
      },
    }),
    deleteKeystore: unary(environment, {
      ...setup,
      rpc: 'DeleteKeystore',
      describe: describeRole,
      async handle({ config }, context) {
        await provider.get().deleteKeystore(toKeystoreCall(config, context));
        return {};
      },
    }),
    grantTrust: unary(environment, {
      ...change,
      rpc: 'GrantTrust',
      describe: ({ config, type }) => ({ ...describeRole({ config }), trust: TRUST_TYPES.get(type) }),
      async handle({ config, region, subject, type }, context) {
        const trust = TRUST_TYPES.get(type);
        if (trust === undefined) throw invalid('type', 'must be MANAGEMENT or CRYPTO');
        if (subject === '') throw invalid('subject', 'is missing');
        if (trust === 'CRYPTO' && region === '') throw invalid('region', 'is missing');
        if (region.length > MAX_REGION_LENGTH) throw invalid('region', 'is too long');
        const call = toKeystoreCall(config, context);
        return { accessData: await provider.get().grantTrust(call, { type: trust, subject, region }) };
      },
    }),
    removeTrust: unary(environment, {
      ...change,
      rpc: 'RemoveTrust',
      describe: describeRole,
      async handle({ accessData, config }, context) {
        const call = toKeystoreCall(config, context);
        await provider.get().removeTrust(call, toKeystoreCall({ values: accessData }, context).access);
        return {};
      },
    }),
    getKeystoreStatus: unary(environment, {
      ...change,
      rpc: 'GetKeystoreStatus',
      describe: describeAccount,
      async handle({ accountId }, context) {
        await provider.get().findKeystore(toKeystoreCall(undefined, context), requireAccountId(accountId));
        return { status: ACTIVE };
      },
    }),
    finalizeKeystoreSetup: unary(environment, {
      ...change,
      rpc: 'FinalizeKeystoreSetup',
      describe: describeAccount,
      async handle({ accountId }, context) {
        const call = toKeystoreCall(undefined, context);
        return toSetup(await provider.get().findKeystore(call, requireAccountId(accountId)));
      },
    }),
  };
}

/** The name of a crypto region. CMK keeps fewer characters. */
const MAX_REGION_LENGTH = 255;

function toSetup({ keyManagement, roleManagement, supportedRegions }: ProvisionedKeystore) {
  return {
    roleManagementConfig: toManagementConfig(roleManagement),
    keyManagementConfig: toManagementConfig(keyManagement),
    supportedRegions: supportedRegions.map(({ name, technicalName }) => ({ name, technicalName })),
    status: ACTIVE,
  };
}

function toManagementConfig({ accessData, commonName, localityId }: TrustedParty): ManagementConfig {
  return { localityId, commonName, accessData: { values: accessData } };
}

// Fields of a call's log line. What is no name is not repeated.
const nameOf = (value: unknown): string | undefined =>
  typeof value === 'string' && isPathSegment(value) ? value : undefined;

function describeRole({ config }: { readonly config?: KeystoreInstanceConfig | undefined }): Record<string, unknown> {
  return { role: nameOf(Object.getOwnPropertyDescriptor(config?.values ?? {}, 'roleName')?.value) };
}

function describeAccount({ accountId }: { readonly accountId: string }): Record<string, unknown> {
  return { keystore: nameOf(accountId) };
}

function requireAccountId(accountId: string): string {
  if (accountId === '') throw invalid('account_id', 'is missing');
  return accountId;
}
