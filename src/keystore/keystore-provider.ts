import type { CallAccess, KeystoreCall } from './call.ts';
import type { KeystoreLimits } from './keystore.ts';

/** A region that CMK offers, as it tells the plugin in its configuration. */
export interface SupportedRegion {
  readonly name: string;
  readonly technicalName: string;
}

/** Access data as flat texts, stored in clear by CMK: names and addresses, never a secret. */
export type AccessData = Readonly<Record<string, string>>;

/** As whom CMK is to come, and what its calls are to say. */
export interface TrustedParty {
  readonly localityId: string;
  readonly commonName: string;
  readonly accessData: AccessData;
}

/** A keystore: a prepared place with trust for the two parties that CMK will be. */
export interface ProvisionedKeystore {
  /** The name that finds it again. */
  readonly accountId: string;
  /** May ask for trust to be granted and removed, and nothing else. */
  readonly roleManagement: TrustedParty;
  /** May manage keys, and not use them. */
  readonly keyManagement: TrustedParty;
  readonly supportedRegions: readonly SupportedRegion[];
}

/** The same, of a keystore that was made just now. */
export interface NewKeystore extends ProvisionedKeystore {
  readonly createdAt: Date;
}

/** MANAGEMENT may manage keys and not use them, CRYPTO may use keys and nothing else. */
export type TrustType = 'MANAGEMENT' | 'CRYPTO';

export interface GrantInput {
  readonly type: TrustType;
  /** A common name for MANAGEMENT, the text of a distinguished name for CRYPTO. From outside. */
  readonly subject: string;
  /** What the trust is for, where its type is CRYPTO: each region has a role of its own. From outside. */
  readonly region: string;
}

/** What the configuration allows one call, in milliseconds. */
export interface ProviderLimits extends Pick<KeystoreLimits, 'changeBudgetMs'> {
  /** For making and deleting keystores, which takes a dozen requests. */
  readonly setupBudgetMs: number;
}

/**
 * Makes keystores and grants trust in them. Rejects with a `KeystoreError`: `unsupported` in every method when the
 * configuration has no `provider`. A change that has begun is carried through to a clear end, whether or not its caller
 * still waits; each may be repeated.
 */
export interface KeystoreProvider {
  /** @throws KeystoreError `unsupported`, as every method: whatever a call looks like, there is nothing to be had. */
  readonly limits: ProviderLimits;

  /** Each call makes another keystore. When it fails, or its caller goes away, all of it is undone as far as OpenBao answers. */
  createKeystore(call: KeystoreCall): Promise<NewKeystore>;

  /**
   * Deletes the keystore that the access data name, with all trust in it. One that is not there is done already.
   *
   * @throws KeystoreError `keystore-not-empty` as long as it has a key, soft-deleted or not.
   */
  deleteKeystore(call: KeystoreCall): Promise<void>;

  /**
   * Equal input gives the equal role and the equal answer. The call's certificate must log in as the role management of the
   * keystore that its access data name; so it must for the removal.
   *
   * @throws KeystoreError `invalid-request` for a subject that is not of the one accepted form; `keystore-not-found`.
   */
  grantTrust(call: KeystoreCall, input: GrantInput): Promise<AccessData>;

  /** Takes the rights of live tokens first, then the role. Trust that is not there is done already. */
  removeTrust(call: KeystoreCall, granted: CallAccess): Promise<void>;

  /** @throws KeystoreError `keystore-not-found` */
  findKeystore(call: KeystoreCall, accountId: string): Promise<ProvisionedKeystore>;

  /** See `Keystore.quiesce`. */
  quiesce(): void;

  /** See `Keystore.close`. */
  close(signal?: AbortSignal): Promise<void>;
}
