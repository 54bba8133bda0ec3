/** `config.values` of a request, or the properties of a part of the access data. */
export type Values = Readonly<Record<string, unknown>>;

/** What the surroundings of a plugin hold. A case names a fact as `$name`. */
export interface StageFacts {
  /** Id of an AES-256 key that is there and enabled; no case changes it. */
  readonly key: string;
  /** `config.values` with which the plugin reaches it; empty when the plugin has an identity of its own. */
  readonly values: Values;

  /** Id that no key has. */
  readonly missingKey: string;
  /** Id of a key that is there, and forbidden to the identity of the values. */
  readonly deniedKey: string;
  /** Ids of keys that cannot serve CMK: for RSA, for signatures, derived. */
  readonly rsaKey: string;
  readonly signingKey: string;
  readonly derivedKey: string;

  /** As `values`, with a certificate that the keystore does not know. */
  readonly strangerValues: Values;
  /** As `values`, with the private key of another certificate. */
  readonly mismatchedValues: Values;
  /** As `values`, with an address that is allowed and that nobody listens at. */
  readonly unreachableValues: Values;
  /** As `values`, with an allowed address that nothing but CheckHealth is ever asked for. */
  readonly unvisitedValues: Values;
  /** As `values`, with an address that the configuration of the plugin does not allow. */
  readonly forbiddenAddressValues: Values;
  /** As `values`, with the names of places that do not exist, and of a mount that holds no keys. */
  readonly missingMountValues: Values;
  readonly otherMountValues: Values;
  readonly missingNamespaceValues: Values;

  /** Access data of a tenant that is complete: the management part, and the part of one crypto region. */
  readonly management: Values;
  readonly region: Values;
  /** Names of the fields that an empty management part lacks, as `missingFields` lists them. */
  readonly missingInManagement: string;
  /** The same of an empty part of the crypto region `eu10`. */
  readonly missingInRegion: string;
  /** The region that ExtractKeyRegion answers for a key whose access data names none. */
  readonly defaultRegion: string;
  /** A region in which keys may be made, and one in which they may not. */
  readonly keyRegion: string;
  readonly foreignRegion: string;

  /** A plaintext one byte longer than the plugin takes. */
  readonly oversizedPlaintext: Buffer;
}

/** What can be done behind the plugin's back, as the owner of the keystore does it. Each takes or gives a text. */
export interface StageActs {
  /** Makes an AES-256 key for this case alone. Gives its id. */
  newKey(): Promise<string>;
  /** Gives an id that no key has, for a key that the case may create through the plugin. */
  newId(): Promise<string>;
  /** Adds a version to a key. */
  rotate(keyId: string): Promise<void>;
  /** The kill switch, and its end. */
  softDelete(keyId: string): Promise<void>;
  restore(keyId: string): Promise<void>;
  /** Removes a key for good. */
  destroy(keyId: string): Promise<void>;
  /** Retires all versions of a key but the newest. */
  retire(keyId: string): Promise<void>;
  /** Takes `providerParams` of the plugin and gives the same as they would be after their time. */
  expire(providerParams: string): Promise<string>;
  /** Stops the keystore from serving, and lets it serve again. */
  seal(): Promise<void>;
  unseal(): Promise<void>;
}

/** What is true of a plugin as it is configured, where the contract leaves a choice. */
export type Trait =
  /** The identity is the certificate that each call brings. */
  | 'callCertificate'
  /** Access data name an OpenBao: `address`, `namespace`, `mountPath`, `authMountPath`, `roleName`. */
  | 'openBaoAccessData'
  /** DeleteKey disables the key for its owner to destroy; or it destroys it. */
  | 'deletionDisables'
  | 'deletionDestroys'
  /** CreateKey makes keys of type SYSTEM_MANAGED. */
  | 'systemManagedKeys'
  /** Nothing in the configuration names the region of a key. */
  | 'noDefaultRegion'
  /** CheckHealth with `deep` has something to prove the keystore with. */
  | 'deepHealth';

/** What a case may need of a stage. */
export type Capability = keyof StageFacts | keyof StageActs | Trait;

/** The surroundings of a plugin under test. Whatever is absent lets the cases that need it be skipped. */
export interface Stage {
  readonly facts: Pick<StageFacts, 'key' | 'values'> & Partial<StageFacts>;
  readonly acts: Partial<StageActs>;
  readonly traits: readonly Trait[];
}

/** What a stage offers to cases. */
export function capabilitiesOf({ acts, facts, traits }: Stage): ReadonlySet<string> {
  const present = (members: object): string[] =>
    Object.entries(members).flatMap(([name, member]) => (member === undefined ? [] : [name]));
  return new Set([...present(facts), ...present(acts), ...traits]);
}
