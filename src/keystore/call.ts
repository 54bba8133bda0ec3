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
  /** Mount that holds what Transit cannot: the state of keys whose material is still to come. */
  readonly stateMountPath?: string;
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

/** Facts about a call that become fields of its log line or audit record. Noting one costs an assignment. */
export interface CallTrace {
  /** `request_id` values of OpenBao's answers, newest last. */
  readonly openbaoRequestIds: string[];
  /** Where the call goes and as whom, once that is decided. */
  place?: CallPlace;
  /** Path of the newest request to the keystore's server. */
  path?: string;
  /** Requests of the call that were sent, repetitions included. */
  attempts?: number;
  /** Accessor of the token that the newest request carried: no token, but a name of one. */
  tokenAccessor?: string | undefined;
}

/** The place and the identity of a call, with no secret in it that is not hidden. */
export interface CallPlace {
  readonly cluster: { readonly origins: readonly string[] };
  readonly namespace: string;
  readonly transitMount: string;
  readonly identity: {
    readonly method: string;
    readonly mount: string;
    readonly roleName: string | undefined;
    /** The certificate that the call brought, the leaf first. */
    readonly certificate?: { readonly chainPem: string };
  };
}
