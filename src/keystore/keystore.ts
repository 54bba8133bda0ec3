import type { KeyTypeRow } from './key-types.ts';

/** The certificate that a caller brings as its identity. */
export interface CallCertificate {
  /** PEM, one or more certificates in any order. */
  readonly certificateChainPem: string;
  readonly privateKeyPem: { reveal(): string };
}

/** Where a key lives and as whom to reach it, as one call says it. All members come from outside and are well-formed. */
export interface CallAccess {
  readonly address?: string;
  readonly namespace?: string;
  readonly mountPath?: string;
  readonly authMountPath?: string;
  readonly roleName?: string;
  readonly certificate?: CallCertificate;
}

/** One call: whose key, until when, and under which correlation id. */
export interface KeystoreCall {
  readonly access: CallAccess;
  /** Aborted when the caller goes away, its time is up, or the process stops; the reason is a `KeystoreError`. */
  readonly signal: AbortSignal;
  /** End of the call's time, on the clock of `performance.now()`, in milliseconds. */
  readonly deadline: number;
  readonly requestId?: string;
  /** Collects what the call's log line shall say of the keystore's side. */
  readonly trace: CallTrace;
}

/** Facts about a call that become fields of its log line. */
export interface CallTrace {
  /** `request_id` values of OpenBao's answers, newest last. */
  readonly openbaoRequestIds: string[];
}

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

/** A key as the keystore describes it. */
export interface KeyDescription {
  readonly keyId: string;
  readonly type: KeyTypeRow;
  readonly state: 'ENABLED' | 'DISABLED';
  readonly latestVersion: number;
  readonly minDecryptionVersion: number;
  /** Ascending by version, times strictly increasing, never empty; archived and trimmed versions are absent. */
  readonly versions: readonly KeyVersion[];
}

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
  readonly maxPlaintextBytes: number;
  /** How many of the newest versions are reported; Infinity for all. */
  readonly maxVersions: number;
}

/**
 * What a keystore does, in the domain's terms. Every method rejects with a `KeystoreError`, and with nothing else unless
 * there is a defect; none retains plaintext or credentials beyond the call, apart from the identity of a live session.
 */
export interface Keystore {
  readonly limits: KeystoreLimits;

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
