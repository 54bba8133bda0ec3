import type { Admission } from './admission.ts';
import type { KeystoreCall } from './call.ts';
import type { KeyLifecycle } from './key-lifecycle.ts';
import type { KeyAlgorithmName, KeyState, KeyTypeRow } from './key-types.ts';

/** Seconds and nanoseconds since 1970, as `google.protobuf.Timestamp` has them. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** A version of a key that the keystore still lists. */
export interface KeyVersion {
  readonly version: number;
  readonly creationTime: Instant;
}

/** A key that has no material yet: its tenant is to bring it. */
export interface PendingKey {
  readonly keyId: string;
  readonly state: 'PENDING_IMPORT';
  readonly algorithm: KeyAlgorithmName;
}

/** A key that has material. */
export interface LiveKey {
  readonly keyId: string;
  readonly state: Exclude<KeyState, 'PENDING_IMPORT'>;
  readonly type: KeyTypeRow;
  /** Whether the material came from outside; false again once OpenBao has made a further version itself. */
  readonly imported: boolean;
  readonly latestVersion: number;
  readonly minDecryptionVersion: number;
  /** Ascending by version, times strictly increasing, never empty; archived and trimmed versions are absent. */
  readonly versions: readonly KeyVersion[];
}

/** A key as the keystore describes it. */
export type KeyDescription = LiveKey | PendingKey;

export interface EncryptInput {
  readonly keyId: string;
  readonly plaintext: Buffer;
  readonly associatedData?: Buffer;
  /** Absent: the newest. */
  readonly keyVersion?: number;
}

export interface DecryptInput {
  readonly keyId: string;
  readonly ciphertext: Buffer;
  readonly associatedData?: Buffer;
}

export interface RewrapInput extends DecryptInput {
  /** Absent: the new ciphertext is bound as the old one was. */
  readonly newAssociatedData?: Buffer;
}

/** A ciphertext `vault:vN:…` and the version N that made it. */
export interface EncryptOutput {
  readonly ciphertext: Buffer;
  readonly keyVersion: number;
}

export interface DecryptOutput {
  /** The caller fills it with zeros once it is sent. */
  readonly plaintext: Buffer;
  readonly keyVersion: number;
}

export type HealthState = 'UNKNOWN' | 'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE';

export interface EndpointHealth {
  /** Host and port. */
  readonly id: string;
  readonly state: HealthState;
  readonly role: 'active' | 'standby' | 'sealed' | 'uninitialised' | 'down';
}

export interface KeystoreHealth {
  readonly state: HealthState;
  readonly providerVersion: string;
  readonly checkedAt: Date;
  readonly endpoints: readonly EndpointHealth[];
  readonly reason?: string;
}

/** What the configuration allows one call. */
export interface KeystoreLimits {
  readonly readBudgetMs: number;
  /** How long a caller waits for a change; the change itself is never cut short. */
  readonly changeBudgetMs: number;
  readonly maxPlaintextBytes: number;
  /** How many of the newest versions are reported; Infinity for all. */
  readonly maxVersions: number;
}

/**
 * What a keystore does, in the domain's terms. Every method rejects with a `KeystoreError`, and with nothing else unless
 * there is a defect; none retains plaintext or credentials beyond the call, apart from the identity of a live session.
 */
export interface Keystore extends KeyLifecycle {
  readonly limits: KeystoreLimits;
  readonly admission: Admission;

  /** One read of the key; concurrent equal reads share one request, nothing is cached by time. */
  describeKey(call: KeystoreCall, keyId: string): Promise<KeyDescription>;

  /** Answers only after the version of the result was checked against the one asked for and the one in the text. */
  encrypt(call: KeystoreCall, input: EncryptInput): Promise<EncryptOutput>;

  /** Every cryptographic failure is `integrity-failure`. */
  decrypt(call: KeystoreCall, input: DecryptInput): Promise<DecryptOutput>;

  /** Without associated data the plaintext never leaves the keystore; with it, it passes through this process. */
  rewrap(call: KeystoreCall, input: RewrapInput): Promise<EncryptOutput>;

  /** From probes at most 10 s old; `deep` uses the test key with the call's identity. */
  checkHealth(call: KeystoreCall, options: { readonly deep: boolean }): Promise<KeystoreHealth>;

  /** No new login from here on; running calls go on. Idempotent. */
  quiesce(): void;

  /** Ends sessions after their running calls, revokes tokens, clears timers; bounded by the signal. Idempotent. */
  close(signal?: AbortSignal): Promise<void>;
}
