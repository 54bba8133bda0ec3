import { createAdmission } from '../config/admission.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import type { Admission } from '../keystore/admission.ts';
import type { CreateKeyInput, ImportInput, ImportParameters } from '../keystore/key-lifecycle.ts';
import type { KeystoreCall } from '../keystore/call.ts';
import type { KeyState } from '../keystore/key-types.ts';
import type {
  DecryptInput,
  DecryptOutput,
  EncryptInput,
  EncryptOutput,
  KeyDescription,
  Keystore,
  KeystoreHealth,
  KeystoreLimits,
  RewrapInput,
} from '../keystore/keystore.ts';
import type { Logger } from '../logging/logger.ts';
import type { ReadValue } from './auth/read-value.ts';
import { createCertificateReader } from './client-certificate.ts';
import { type Clock, systemClock } from './clock.ts';
import { type ClusterSource, createClusterSource } from './cluster-source.ts';
import { describeKey } from './describe-key.ts';
import { HealthProbe } from './health.ts';
import { decrypt, encrypt, proveTestKey, rewrap } from './key-use.ts';
import { createKey } from './lifecycle/create-key.ts';
import { deleteKey } from './lifecycle/delete-key.ts';
import { getImportParameters } from './lifecycle/get-import-parameters.ts';
import { importKey } from './lifecycle/import-key.ts';
import { Lanes } from './lifecycle/lanes.ts';
import { setKeyEnabled } from './lifecycle/set-enabled.ts';
import { createSessionSource, type OpenSession } from './open-session.ts';
import { Sessions } from './sessions.ts';
import { createTargetResolver, type Target, type TargetResolver } from './target.ts';
import { TransitSession } from './transit-session.ts';
import type { FindAddresses } from './transport.ts';
import type { Turn } from './turn.ts';
import { Turns } from './turns.ts';
import { waitFor } from './waiting.ts';

/** What a Transit keystore is made of. */
export interface TransitKeystoreOptions {
  readonly configuration: PluginConfiguration;
  readonly log: Logger;
  /** Reads what a `SourceRef` of the configuration names. */
  readonly read: ReadValue;
  readonly clock?: Clock;
  /** In place of the system's resolver. */
  readonly findAddresses?: FindAddresses;
}

const CHANGES_AT_ONCE = { max: 64, maxPerCredential: 16 };

/** A keystore on OpenBao's Transit engine. Makes no connection before the first call. */
export class TransitKeystore implements Keystore {
  readonly limits: KeystoreLimits & PluginConfiguration['limits'];
  readonly #options: TransitKeystoreOptions & { readonly clock: Clock };
  readonly #targets: TargetResolver;
  readonly #open: OpenSession;
  readonly #sessions: Sessions<TransitSession>;
  readonly #calls: Turns;
  // Changes go on for longer than their callers wait, and must not take up the turns of those who use keys.
  readonly #changeCalls: Turns;
  readonly #changes = new Lanes();
  readonly admission: Admission;
  readonly #configured: { readonly source: ClusterSource; readonly probe: HealthProbe };

  constructor(options: TransitKeystoreOptions) {
    const { configuration, findAddresses, read } = options;
    const { keys, limits } = configuration;
    this.limits = { ...limits, maxVersions: keys.maxVersions ?? Infinity };
    this.#options = { clock: systemClock, ...options };
    this.admission = createAdmission(configuration);
    this.#open = createSessionSource(this.#options);
    this.#targets = createTargetResolver(configuration, createCertificateReader(limits.maxSessions));
    const shared = { maxQueued: limits.maxQueuedCalls, maxCredentials: limits.maxSessions };
    const { maxConcurrentCalls: max, maxConcurrentCallsPerSession: maxPerCredential } = limits;
    this.#calls = new Turns({ max, maxPerCredential, ...shared });
    this.#changeCalls = new Turns({ ...CHANGES_AT_ONCE, ...shared });
    this.#sessions = new Sessions({
      max: limits.maxSessions,
      maxPerCredential: limits.maxSessionsPerCredential,
      idleMs: limits.sessionIdleMs,
      open: (target) => this.#openSession(target),
    });
    const target = this.#targets.configured;
    const source = createClusterSource({ target, limits, read, ...(findAddresses && { findAddresses }) });
    this.#configured = { source, probe: this.#newProbe(() => source.refresh()) };
  }

  describeKey(call: KeystoreCall, keyId: string): Promise<KeyDescription> {
    return this.#inTurn(call, (turn) => describeKey(turn, keyId));
  }

  encrypt(call: KeystoreCall, input: EncryptInput): Promise<EncryptOutput> {
    return this.#inTurn(call, (turn) => encrypt(turn, input));
  }

  decrypt(call: KeystoreCall, input: DecryptInput): Promise<DecryptOutput> {
    return this.#inTurn(call, (turn) => decrypt(turn, input));
  }

  rewrap(call: KeystoreCall, input: RewrapInput): Promise<EncryptOutput> {
    return this.#inTurn(call, (turn) => rewrap(turn, input));
  }

  createKey(call: KeystoreCall, input: CreateKeyInput): Promise<KeyState> {
    return this.#change(call, input.keyId, (turn) => createKey(turn, input));
  }

  getImportParameters(call: KeystoreCall, keyId: string): Promise<ImportParameters> {
    return this.#inTurn(call, (turn) => getImportParameters(turn, keyId));
  }

  importKeyMaterial(call: KeystoreCall, input: ImportInput): Promise<void> {
    const wipe = (): void => void input.wrappedMaterial.fill(0);
    return this.#change(call, input.keyId, (turn) => importKey(turn, input), wipe);
  }

  setKeyEnabled(call: KeystoreCall, keyId: string, enabled: boolean): Promise<void> {
    return this.#change(call, keyId, (turn) => setKeyEnabled(turn, keyId, enabled));
  }

  deleteKey(call: KeystoreCall, keyId: string, options: { readonly windowDays?: number }): Promise<void> {
    const { deletion } = this.#options.configuration.keys;
    return this.#change(call, keyId, (turn) => deleteKey(turn, keyId, { deletion, ...options }));
  }

  async checkHealth(call: KeystoreCall, { deep }: { readonly deep: boolean }): Promise<KeystoreHealth> {
    if (deep) await this.#inTurn(call, (turn) => proveTestKey(turn, this.#options.configuration.crypto.testKey));
    const probe = this.#probeOf(call);
    if (probe !== undefined) return waitFor(probe.check(), call.signal);
    const reason = 'no call has used this address yet';
    return { state: 'UNKNOWN', providerVersion: '', checkedAt: new Date(), endpoints: [], reason };
  }

  quiesce(): void {
    this.#sessions.quiesce();
  }

  async close(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await Promise.all([this.#sessions.close(signal), this.#configured.source.close()]);
  }

  // A change keeps its session and its turn to its end, whether or not its caller still waits.
  async #change<T>(
    call: KeystoreCall,
    keyId: string,
    work: (turn: Turn) => Promise<T>,
    release?: () => void,
  ): Promise<T> {
    let place: string;
    try {
      const { cluster, namespace, transitMount } = this.#targets.resolve(call.access);
      place = JSON.stringify([cluster.origins, namespace, transitMount, keyId]);
    } catch (error) {
      release?.();
      throw error;
    }
    return this.#changes.run(place, call.signal, () => this.#inTurn(call, work, this.#changeCalls), release);
  }

  async #inTurn<T>(call: KeystoreCall, work: (turn: Turn) => Promise<T>, turns = this.#calls): Promise<T> {
    const target = this.#targets.resolve(call.access);
    call.trace.place = target;
    return this.#sessions.use(target, (session) =>
      turns.run(target.credential, call.signal, () => work(this.#turn(call, session, target))),
    );
  }

  #turn(call: KeystoreCall, session: TransitSession, target: Target): Turn {
    const { namespace, stateMount, stateMountMayBeMissing, transitMount } = target;
    const { clock, log } = this.#options;
    return { call, session, namespace, mount: transitMount, stateMount, stateMountMayBeMissing, clock, log };
  }

  // An address that came with a call is asked only once a keystore call has made it ours to serve.
  #probeOf({ access }: KeystoreCall): HealthProbe | undefined {
    const { configured } = this.#targets;
    const ownAccess = this.#options.configuration.auth.method === 'callCertificate';
    if (ownAccess && access.address === undefined && configured.origins.length > 0) return this.#configured.probe;
    const target = this.#targets.resolve(access);
    return target.cluster === configured ? this.#configured.probe : this.#sessions.peek(target)?.probe;
  }

  #newProbe(cluster: ConstructorParameters<typeof HealthProbe>[0]['cluster']): HealthProbe {
    return new HealthProbe({ cluster, clock: this.#options.clock, budgetMs: this.limits.readBudgetMs });
  }

  #openSession(target: Target): TransitSession {
    const { cluster, identity, namespace, sessionKey } = target;
    const { clock } = this.#options;
    // One process serves many identities: each of their lines says whose it is.
    const log = this.#options.log.child({
      address: cluster.origins.join(' '),
      namespace,
      auth_mount: identity.mount,
      role: identity.roleName,
      session: sessionKey.slice(0, 8),
    });
    const session = this.#open(target, log);
    return new TransitSession({
      session,
      probe: this.#newProbe(() => session.cluster()),
      clock,
      readBudgetMs: this.limits.readBudgetMs,
    });
  }
}
