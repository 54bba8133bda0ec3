import { randomBytes } from 'node:crypto';

import { parseCiphertext } from '../../keystore-contract/ciphertext.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { KeystoreError, type KeystoreErrorClass } from '../keystore/errors.ts';
import type {
  DecryptInput,
  DecryptOutput,
  EncryptInput,
  EncryptOutput,
  KeyDescription,
  Keystore,
  KeystoreCall,
  KeystoreHealth,
  KeystoreLimits,
  RewrapInput,
} from '../keystore/keystore.ts';
import type { Logger } from '../logging/logger.ts';
import type { ReadValue } from './auth/approle.ts';
import { openLoginMethod } from './auth/open-login-method.ts';
import { createCertificateReader } from './client-certificate.ts';
import { type Clock, systemClock } from './clock.ts';
import { type ClusterSource, createClusterSource } from './cluster-source.ts';
import { isNothingHere, malformedAnswer, notTransit, toKeystoreError } from './errors.ts';
import { HealthProbe } from './health.ts';
import { readKeyDescription } from './key-data.ts';
import { Limiter } from './limiter.ts';
import { Session } from './session.ts';
import { Sessions } from './sessions.ts';
import { createTargetResolver, type Target, type TargetResolver } from './target.ts';
import { TransitSession } from './transit-session.ts';
import { waitFor } from './waiting.ts';

/** What a Transit keystore is made of. */
export interface TransitKeystoreOptions {
  readonly configuration: PluginConfiguration;
  readonly log: Logger;
  /** Reads what a `SourceRef` of the configuration names. */
  readonly read: ReadValue;
  readonly clock?: Clock;
}

/** A call that has its session and its turn. */
interface Turn {
  readonly call: KeystoreCall;
  readonly session: TransitSession;
  readonly mount: string;
}

/** A keystore on OpenBao's Transit engine. Makes no connection before the first call. */
export class TransitKeystore implements Keystore {
  readonly limits: KeystoreLimits & PluginConfiguration['limits'];
  readonly #options: Required<TransitKeystoreOptions>;
  readonly #targets: TargetResolver;
  readonly #sessions: Sessions<TransitSession>;
  readonly #calls: Limiter;
  readonly #configured: { readonly source: ClusterSource; readonly probe: HealthProbe };

  constructor(options: TransitKeystoreOptions) {
    const { keys, limits } = options.configuration;
    this.limits = { ...limits, maxVersions: keys.maxVersions ?? Infinity };
    this.#options = { clock: systemClock, ...options };
    this.#targets = createTargetResolver(options.configuration, createCertificateReader(limits.maxSessions));
    this.#calls = new Limiter(limits.maxConcurrentCalls, limits.maxQueuedCalls);
    this.#sessions = new Sessions({
      max: limits.maxSessions,
      idleMs: limits.sessionIdleMs,
      open: (target) => this.#openSession(target),
    });
    const source = createClusterSource({ target: this.#targets.configured, limits, read: options.read });
    this.#configured = { source, probe: this.#newProbe(() => source.refresh()) };
  }

  describeKey(call: KeystoreCall, keyId: string): Promise<KeyDescription> {
    return this.#inTurn(call, (turn) => describe(turn, keyId));
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

  async #inTurn<T>(call: KeystoreCall, work: (turn: Turn) => Promise<T>): Promise<T> {
    const target = this.#targets.resolve(call.access);
    // The identity's own turn first, so that one whose server hangs does not take up the turns of all.
    return this.#sessions.use(target, (session) =>
      session.run(call.signal, () =>
        this.#calls.run(call.signal, () => work({ call, session, mount: target.transitMount })),
      ),
    );
  }

  // An address that came with a call is asked only once a keystore call has made it ours to serve.
  #probeOf({ access }: KeystoreCall): HealthProbe | undefined {
    const { configured } = this.#targets;
    if (access.address === undefined && configured.origins.length > 0) return this.#configured.probe;
    const target = this.#targets.resolve(access);
    return target.cluster === configured ? this.#configured.probe : this.#sessions.peek(target)?.probe;
  }

  #newProbe(cluster: ConstructorParameters<typeof HealthProbe>[0]['cluster']): HealthProbe {
    return new HealthProbe({ cluster, clock: this.#options.clock, budgetMs: this.limits.readBudgetMs });
  }

  #openSession({ cluster, identity, namespace }: Target): TransitSession {
    const { clock, configuration, log, read } = this.#options;
    const session = new Session({
      namespace,
      method: openLoginMethod(identity, configuration.auth, read),
      loginBudgetMs: this.limits.loginBudgetMs,
      clock,
      log,
      cluster: createClusterSource({
        target: cluster,
        limits: this.limits,
        read,
        ...(identity.method === 'callCertificate' ? { certificate: identity.certificate } : {}),
      }),
    });
    return new TransitSession({
      session,
      limiter: new Limiter(this.limits.maxConcurrentCallsPerSession, this.limits.maxQueuedCalls),
      probe: this.#newProbe(() => session.cluster()),
      clock,
      readBudgetMs: this.limits.readBudgetMs,
    });
  }
}

async function describe({ call, session, mount }: Turn, keyId: string): Promise<KeyDescription> {
  const answer = await session.readKey(call, mount, keyId);
  if (answer.status === 200 && !answer.foreignBody) return readKeyDescription(keyId, answer);
  if (!isNothingHere(answer)) throw toKeystoreError(answer);
  // A mount of another kind answers a missing key in the same words, and "key not found" is a strong statement.
  if (await session.isTransit(call, mount)) throw new KeystoreError('key-not-found', 'the key does not exist');
  throw notTransit();
}

async function encrypt(turn: Turn, input: EncryptInput): Promise<EncryptOutput> {
  const { call, session, mount } = turn;
  const item = {
    plaintext: input.plaintext.toString('base64'),
    ...associatedData(input.associatedData),
    ...(input.keyVersion === undefined ? {} : { key_version: input.keyVersion }),
  };
  try {
    return readEncrypted(await session.operate(call, 'encrypt', mount, input.keyId, item), input.keyVersion);
  } catch (error) {
    // For a token that may not create, OpenBao answers an encrypt on a missing key with a denial, and a look at a missing
    // mount is denied to every token.
    if (error instanceof KeystoreError && error.class === 'permission-denied') await rejectIfMissing(turn, input.keyId);
    throw error;
  }
}

async function rejectIfMissing(turn: Turn, keyId: string): Promise<void> {
  try {
    await describe(turn, keyId);
  } catch (error) {
    if (error instanceof KeystoreError && MISSING.has(error.class)) throw error;
  }
}

const MISSING: ReadonlySet<KeystoreErrorClass> = new Set(['key-not-found', 'mount-not-found']);

async function decrypt({ call, session, mount }: Turn, input: DecryptInput): Promise<DecryptOutput> {
  const { keyVersion, text } = readCiphertext(input.ciphertext);
  const item = { ciphertext: text, ...associatedData(input.associatedData) };
  const { plaintext } = await session.operate(call, 'decrypt', mount, input.keyId, item);
  if (typeof plaintext !== 'string') throw malformedAnswer();
  return { plaintext: decodeBase64(plaintext), keyVersion };
}

async function rewrap(turn: Turn, input: RewrapInput): Promise<EncryptOutput> {
  const { call, session, mount } = turn;
  if (!isBound(input.associatedData) && input.newAssociatedData === undefined) {
    const item = { ciphertext: readCiphertext(input.ciphertext).text };
    return readEncrypted(await session.operate(call, 'rewrap', mount, input.keyId, item));
  }
  // Transit's rewrap knows no associated data, so the plaintext passes through here.
  const { plaintext } = await decrypt(turn, input);
  try {
    const bound = input.newAssociatedData ?? input.associatedData;
    return await encrypt(turn, {
      keyId: input.keyId,
      plaintext,
      ...(bound === undefined ? {} : { associatedData: bound }),
    });
  } finally {
    plaintext.fill(0);
  }
}

async function proveTestKey(turn: Turn, testKey: string | undefined): Promise<void> {
  if (testKey === undefined) {
    await turn.session.ready(turn.call.signal);
    return;
  }
  const plaintext = randomBytes(32);
  const { ciphertext } = await encrypt(turn, { keyId: testKey, plaintext });
  const { plaintext: back } = await decrypt(turn, { keyId: testKey, ciphertext });
  if (!plaintext.equals(back)) throw malformedAnswer();
}

function readCiphertext(bytes: Buffer): { readonly keyVersion: number; readonly text: string } {
  const ciphertext = parseCiphertext(bytes);
  if (ciphertext === undefined) throw new KeystoreError('invalid-ciphertext', 'the ciphertext is malformed');
  return ciphertext;
}

// The version in the answer, the one in the text and the one asked for must agree.
function readEncrypted(data: Readonly<Record<string, unknown>>, asked?: number): EncryptOutput {
  const { ciphertext: text, key_version: keyVersion } = data;
  if (typeof text !== 'string' || typeof keyVersion !== 'number') throw malformedAnswer();
  const ciphertext = Buffer.from(text, 'latin1');
  if (parseCiphertext(ciphertext)?.keyVersion !== keyVersion) throw malformedAnswer();
  if (asked !== undefined && asked !== keyVersion) throw malformedAnswer();
  return { ciphertext, keyVersion };
}

// A buffer of its own, outside the shared pool, so that it can be wiped.
function decodeBase64(text: string): Buffer {
  const buffer = Buffer.allocUnsafeSlow(Buffer.byteLength(text, 'base64'));
  const length = buffer.write(text, 'base64');
  if (length !== buffer.length) throw malformedAnswer();
  return buffer;
}

// Transit takes empty associated data as none.
function isBound(bytes: Buffer | undefined): bytes is Buffer {
  return bytes !== undefined && bytes.length > 0;
}

function associatedData(bytes: Buffer | undefined): { associated_data?: string } {
  return isBound(bytes) ? { associated_data: bytes.toString('base64') } : {};
}
