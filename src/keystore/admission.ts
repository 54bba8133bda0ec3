import type { KeyAlgorithmName } from './key-types.ts';

/** A Struct of the contract, decoded; from outside and of any shape. */
export type Untrusted = unknown;

export interface KeyCandidate {
  /** Undefined when it was none of the contract's. */
  readonly kind: 'SYSTEM_MANAGED' | 'BYOK' | 'HYOK' | undefined;
  /** Undefined when it was none of the contract's. */
  readonly algorithm: KeyAlgorithmName | undefined;
  /** From outside and of any shape. */
  readonly region: string;
  /** From outside and of any shape. */
  readonly nativeKeyId: string;
}

/** What the operators of one region need to reach a key. Every member is well-formed. */
export interface RegionAccess {
  readonly region: string;
  /** Scheme, host and port in their one spelling. */
  readonly address: string;
  /** Empty: the root. */
  readonly namespace: string;
  readonly mountPath: string;
  readonly keyName: string;
  readonly authMountPath: string;
  /** Empty: the server tries every role. */
  readonly roleName: string;
  /** Empty when the caller named none that is a key version id. */
  readonly keyVersionId: string;
}

export interface DescribedRegions {
  /** In the order of the input. */
  readonly usable: readonly RegionAccess[];
  /** How many regions were left out. */
  readonly unusableCount: number;
  /** Why, as in `crypto.eu.address`; safe to log and to show. */
  readonly unusableFields: readonly string[];
}

/** What is decided about keys and access data by the configuration alone: no network, no credentials. */
export interface Admission {
  /** A reason fit for tenants, or undefined when such a key may be made or registered. Never throws. */
  refuseKey(candidate: KeyCandidate): string | undefined;

  /**
   * Checks what a tenant wants to register, or has registered and changes in a region. Every fault of the gravest kind is
   * told at once: fields that are there and cannot be used before fields that are missing. Whoever makes a rule stricter
   * must leave keys a way out: stored data come here again with each change.
   *
   * @throws KeystoreError `invalid-access-data` or `address-not-allowed`, with the fields and the reason.
   */
  checkAccessData(management: Untrusted, crypto: Untrusted): void;

  /**
   * The region label of a key, 1 to 50 characters: as its access data name it, else as the configuration labels its address,
   * else the configuration's own.
   *
   * @throws KeystoreError `invalid-request` with a text fit for tenants when nothing says it.
   */
  regionOf(management: Untrusted): string;

  /**
   * The access of every region that can be used; equal input gives the equal answer. Members that CMK adds are no fault.
   *
   * @throws KeystoreError `invalid-request` when the text is no JSON object (`null` is an empty one), or too large.
   */
  describeRegions(keyId: string, accessDataJson: Buffer): DescribedRegions;
}
