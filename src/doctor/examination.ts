import { AccessDataError, readCallConfig } from '../config/access-data.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { parseConfiguration } from '../config/parse.ts';
import type { Secret } from '../config/secret.ts';
import type { KeystoreCall } from '../keystore/call.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { Logger } from '../logging/logger.ts';
import { type Answer, answerData, asObject } from '../openbao/answer.ts';
import type { ReadValue } from '../openbao/auth/read-value.ts';
import { createCertificateReader } from '../openbao/client-certificate.ts';
import { systemClock } from '../openbao/clock.ts';
import type { Cluster } from '../openbao/cluster.ts';
import { type ClusterSource, createClusterSource } from '../openbao/cluster-source.ts';
import { HealthProbe } from '../openbao/health.ts';
import { createSessionSource } from '../openbao/open-session.ts';
import { keyPath, loginPath, mountPath, TOKEN_PATHS } from '../openbao/paths.ts';
import type { Session, SessionRequest } from '../openbao/session.ts';
import { createTargetResolver, type Target } from '../openbao/target.ts';
import { TransitSession } from '../openbao/transit-session.ts';
import type { Turn } from '../openbao/turn.ts';
import { type AddressLook, lookAtAddress } from './look-at-address.ts';
import type { Names } from './names.ts';
import { once } from './once.ts';
import { placeOf, type Place } from './place.ts';
import type { DoctorRole } from './role.ts';

/** What is examined, and with what. */
export interface ExaminationOptions {
  /** The YAML text of the plugin. */
  readonly configurationText: string;
  /** `config.values` of a call, for plugins whose calls bring the identity. */
  readonly access?: unknown;
  /** What the identity is for; by default seeing keys and using them. */
  readonly roles?: readonly DoctorRole[] | undefined;
  /** By default `crypto.testKey` of the configuration, and none without it. */
  readonly keys?: readonly string[] | undefined;
  readonly read: ReadValue;
  readonly log: Logger;
  /** This machine's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** `sys/health` of one address: the answer, or why there is none. */
export interface HealthLook {
  readonly origin: string;
  readonly answer: Answer | KeystoreError;
}

type TokenRequest = Pick<SessionRequest, 'verb' | 'path' | 'body'>;

/**
 * One examination of a configuration against its OpenBao: every fact is found out when a check first asks for it, once, and
 * by the parts that the plugin itself works with. The caller ends it.
 */
export class Examination {
  readonly #options: ExaminationOptions;
  #plain: ClusterSource | undefined;
  #transit: TransitSession | undefined;
  #roleName: string | undefined;
  #session: Session | undefined;

  constructor(options: ExaminationOptions) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  now(): number {
    return this.#options.now();
  }

  get read(): ReadValue {
    return this.#options.read;
  }

  /** @throws ConfigurationError with all problems. */
  readonly configuration = memo((): PluginConfiguration => {
    const type = this.roles.includes('provider') ? 'KeystoreProvider' : 'KeystoreInstanceKeyOperation';
    return parseConfiguration(this.#options.configurationText, { type });
  });

  get roles(): readonly DoctorRole[] {
    return this.#options.roles ?? USUAL_ROLES;
  }

  keys(): readonly string[] {
    const { testKey } = this.configuration().crypto;
    return this.#options.keys ?? (testKey === undefined ? [] : [testKey]);
  }

  /** @throws AccessDataError for access data that cannot be used. */
  readonly place = memo((): Place => placeOf(this.configuration(), this.#access()));

  /**
   * Where a call would go and as whom; undefined when the calls bring the identity and none was given here.
   *
   * @throws KeystoreError `invalid-access-data`, `address-not-allowed`
   */
  readonly target = memo((): Target | undefined => {
    const access = this.#access();
    const configuration = this.configuration();
    if (configuration.auth.method === 'callCertificate' && access.certificate === undefined) return undefined;
    return createTargetResolver(configuration, createCertificateReader(2)).resolve(access);
  });

  /** What the placeholders of texts and rights stand for. */
  names(key?: string): Names {
    const target = this.#targetIfAny();
    const { keys, openbao } = this.configuration();
    const stateMount = target?.stateMount ?? keys.stateMount;
    const authMount = target?.identity.mount;
    const role = target?.identity.roleName ?? this.#roleName;
    return {
      m: target?.transitMount ?? openbao.transitMount,
      ...(key !== undefined && key !== '' && { k: key }),
      ...(authMount !== undefined && authMount !== '' && { a: authMount }),
      ...(role !== undefined && { r: role }),
      ...(authMount !== undefined && authMount !== '' && { l: rolePath(target, authMount, role) }),
      ...(stateMount !== undefined && { s: stateMount }),
    };
  }

  /** Every address, up to the TLS handshake. */
  readonly addresses = once(async (): Promise<readonly AddressLook[]> => {
    const timeoutMs = this.configuration().limits.connectTimeoutMs;
    const looks = this.place().endpoints.map(async ({ ca: ref, ...endpoint }) => {
      const ca = ref === undefined ? undefined : (await this.read(ref)).reveal();
      return lookAtAddress({ ...endpoint, ca }, timeoutMs);
    });
    return Promise.all(looks);
  });

  /** `sys/health` of every address of the cluster, as the plugin asks for it. */
  readonly health = once(async (): Promise<readonly HealthLook[]> => {
    const cluster = await this.cluster();
    const signal = this.#limited(this.configuration().limits.readBudgetMs);
    const looks = cluster.origins.map(async (origin): Promise<HealthLook> => {
      try {
        return {
          origin,
          answer: await cluster.sendTo(origin, { verb: 'read', path: 'sys/health', namespace: '', signal }),
        };
      } catch (error) {
        if (!(error instanceof KeystoreError)) throw error;
        return { origin, answer: error };
      }
    });
    return Promise.all(looks);
  });

  /** Whether a server of the cluster is unsealed and reachable, asked now. */
  async isServing(): Promise<boolean> {
    const { limits } = this.configuration();
    const probe = new HealthProbe({
      cluster: () => this.#strangersCluster(),
      clock: systemClock,
      budgetMs: limits.readBudgetMs,
    });
    return (await probe.check()).state !== 'UNAVAILABLE';
  }

  /** The connections of the identity; of nobody where there is none. */
  async cluster(): Promise<Cluster> {
    return this.target() === undefined ? this.#strangersCluster() : this.session().cluster();
  }

  /** A request without a token and without a certificate, in the namespace of the login. */
  async askAsStranger(request: TokenRequest): Promise<Answer> {
    const { loginBudgetMs } = this.configuration().limits;
    const cluster = await this.#strangersCluster();
    const namespace = this.target()?.namespace ?? this.configuration().openbao.namespace;
    return cluster.send('active', { ...request, namespace, signal: this.#limited(loginBudgetMs) });
  }

  /** Asks the auth mount for a login without any credential: what it answers tells whether it is there. */
  readonly emptyLogin = once((): Promise<Answer> =>
    this.askAsStranger({ verb: 'write', path: loginPath(this.target()?.identity.mount ?? ''), body: {} }),
  );

  /** The session that the plugin would have. Nothing is sent before its first request. */
  session(): Session {
    const target = this.target();
    if (target === undefined) throw new Error('there is no identity');
    const { log, read } = this.#options;
    this.#session ??= createSessionSource({
      configuration: this.configuration(),
      read,
      clock: systemClock,
      log,
    })(target);
    return this.#session;
  }

  /** Logs in: undefined, or why not. */
  readonly login = once(async (): Promise<KeystoreError | undefined> => {
    try {
      await this.session().ready(this.#limited(this.configuration().limits.loginBudgetMs + LOGIN_SLACK_MS));
      return undefined;
    } catch (error) {
      if (error instanceof KeystoreError) return error;
      throw error;
    }
  });

  /** A request with the token; a denial is an answer like any other. */
  async ask(request: TokenRequest & Pick<SessionRequest, 'tries'>): Promise<Answer> {
    const timeMs = this.configuration().limits.readBudgetMs + this.configuration().limits.loginBudgetMs;
    return this.session().send({
      purpose: 'active',
      ...request,
      context: {},
      mayBeDenied: true,
      signal: this.#limited(timeMs),
      deadline: systemClock.now() + timeMs,
    });
  }

  /** `lookup-self` of the token. */
  readonly token = once(async (): Promise<Answer> => {
    const answer = await this.lookUpToken();
    const name = asObject(answerData(answer)?.meta)?.role_name;
    // An AppRole login names its role by an id.
    if (typeof name === 'string' && ROLE_NAME.test(name)) this.#roleName = name;
    return answer;
  });

  lookUpToken(): Promise<Answer> {
    return this.ask({ verb: 'read', path: TOKEN_PATHS.lookupSelf });
  }

  /** What OpenBao tells of the Transit mount. */
  readonly mount = once((): Promise<Answer> => this.ask({ verb: 'read', path: mountPath(this.#transitMount()) }));

  /** What OpenBao tells of a key. */
  key(name: string): Promise<Answer> {
    let read = this.#keys.get(name);
    if (read === undefined) {
      read = this.ask({ verb: 'read', path: keyPath(this.#transitMount(), name) });
      this.#keys.set(name, read);
    }
    return read;
  }

  /** The `data` of a key that was seen to be there. */
  async keyData(name: string): Promise<Readonly<Record<string, unknown>>> {
    return answerData(await this.key(name)) ?? {};
  }

  readonly #keys = new Map<string, Promise<Answer>>();

  /** Whether OpenBao has denied the question what the token may do. */
  mayNotAskForRights = false;

  /** Whether the token was made elsewhere, and is not ours to change or end. */
  get borrowsToken(): boolean {
    return this.configuration().auth.method === 'token';
  }

  /** One call as the plugin makes it, with all of its time before it. */
  turn(): Turn {
    const target = this.target();
    if (target === undefined) throw new Error('there is no identity');
    const { readBudgetMs } = this.configuration().limits;
    const session = (this.#transit ??= new TransitSession({
      session: this.session(),
      probe: new HealthProbe({ cluster: () => this.session().cluster(), clock: systemClock, budgetMs: readBudgetMs }),
      clock: systemClock,
      readBudgetMs,
    }));
    const call: KeystoreCall = {
      access: {},
      signal: this.#limited(readBudgetMs),
      deadline: systemClock.now() + readBudgetMs,
      trace: { openbaoRequestIds: [] },
    };
    const { namespace, stateMount, stateMountMayBeMissing, transitMount: mount } = target;
    return {
      call,
      session,
      namespace,
      mount,
      stateMount,
      stateMountMayBeMissing,
      clock: systemClock,
      log: this.#options.log,
    };
  }

  /** `lookup-self` for a token by its value, without the session. */
  async lookUpAsStranger(token: Secret): Promise<Answer> {
    const cluster = await this.#strangersCluster();
    const { loginBudgetMs } = this.configuration().limits;
    return cluster.send('active', {
      verb: 'read',
      path: TOKEN_PATHS.lookupSelf,
      token: token.reveal(),
      namespace: this.target()?.namespace ?? '',
      signal: this.#limited(loginBudgetMs),
    });
  }

  /** Ends the session and with it the token. Idempotent. */
  async endSession(): Promise<void> {
    await this.#session?.close(AbortSignal.timeout(END_MS));
  }

  /** Ends the session and all connections. Idempotent. */
  async end(): Promise<void> {
    await this.endSession();
    await this.#plain?.close();
  }

  /** That there is none is told by the check of the access data. */
  #targetIfAny(): Target | undefined {
    try {
      return this.target();
    } catch (error) {
      if (error instanceof KeystoreError || error instanceof AccessDataError) return undefined;
      throw error;
    }
  }

  #transitMount(): string {
    return this.target()?.transitMount ?? this.configuration().openbao.transitMount;
  }

  #access(): ReturnType<typeof readCallConfig> {
    return readCallConfig(this.#options.access);
  }

  #strangersCluster(): Promise<Cluster> {
    const { read } = this.#options;
    const { limits } = this.configuration();
    const target = this.place().cluster;
    this.#plain ??= createClusterSource({ target, limits, read });
    return this.#plain.refresh();
  }

  #limited(timeMs: number): AbortSignal {
    const late = AbortSignal.timeout(timeMs);
    const controller = new AbortController();
    // The parts of the plugin want a reason in the words of the domain.
    const end = (errorClass: 'deadline-exceeded' | 'cancelled', text: string) => (): void =>
      controller.abort(new KeystoreError(errorClass, text));
    late.addEventListener('abort', end('deadline-exceeded', 'OpenBao took too long'), { once: true });
    const cancel = end('cancelled', 'the examination was interrupted');
    if (this.signal.aborted) cancel();
    else this.signal.addEventListener('abort', cancel, { once: true, signal: controller.signal });
    return controller.signal;
  }
}

const USUAL_ROLES: readonly DoctorRole[] = ['hyok-management', 'crypto'];
const ROLE_NAME = /^[\w.-]{1,255}$/;
const END_MS = 3000;
/** The login ends itself and says why; this limit is for what does not. */
const LOGIN_SLACK_MS = 1000;

function memo<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Where the role of a login is read and written. */
function rolePath(target: Target | undefined, authMount: string, role = 'ROLE'): string {
  const method = target?.identity.method;
  const kind = method === 'cert' || method === 'callCertificate' ? 'certs' : 'role';
  return `auth/${authMount}/${kind}/${role}`;
}
