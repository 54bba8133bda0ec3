import type { Outcome, Subject } from '../../keystore-contract/conformance/subject.ts';
import type { ProviderOperation } from '../../src/openbao/policies/operator-policies.ts';
import type { KeystoreOperator } from '../support/keystore-operator.ts';
import type { Identity } from '../support/pki.ts';
import { come, CRYPTO, type Keystore, provider, type ProviderStage, SUBJECT } from './provider-stage.ts';

/** What the operations work on. */
export interface ProviderSetting {
  readonly operator: KeystoreOperator;
  /** A provider whose identity may do everything. */
  readonly steward: ProviderStage;
  readonly keystore: Keystore;
  /** Whom crypto trust is granted to. */
  readonly visitor: Identity;
}

/** One call, as a provider with some identity makes it. */
type Attempt = (by: Subject) => Promise<Outcome<unknown>>;

/** Every method of a provider, on what the steward has made ready for it. */
export const PROVIDER_OPERATIONS: Readonly<
  Record<ProviderOperation, (setting: ProviderSetting) => Promise<Attempt> | Attempt>
> = {
  GetKeystoreStatus:
    ({ keystore: { name: accountId } }) =>
    (by) =>
      by.call(provider.getKeystoreStatus, { accountId }),
  FinalizeKeystoreSetup:
    ({ keystore: { name: accountId } }) =>
    (by) =>
      by.call(provider.finalizeKeystoreSetup, { accountId, values: {} }),
  CreateKeystore: () => (by) => by.call(provider.createKeystore, { values: {} }),
  GrantTrust:
    ({ keystore, steward }) =>
    (by) =>
      by.call(provider.grantTrust, steward.grantRequest(keystore, CRYPTO, SUBJECT)),
  RemoveTrust: async ({ keystore, operator, steward, visitor }) => {
    const accessData = await steward.grant(keystore, CRYPTO, SUBJECT);
    await come(operator, visitor, accessData);
    const { config } = steward.grantRequest(keystore, CRYPTO, SUBJECT);
    return (by) => by.call(provider.removeTrust, { config, accessData });
  },
  DeleteKeystore: async ({ operator, steward }) => {
    const { roleAccess, roleManager } = await steward.createKeystore();
    await come(operator, roleManager, roleAccess);
    return (by) => by.call(provider.deleteKeystore, { config: { values: roleAccess } });
  },
};
