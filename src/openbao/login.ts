import { KeystoreError } from '../keystore/errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { Answer } from './answer.ts';
import type { LoginCredential, LoginMethod, LoginRequest } from './auth/login-method.ts';
import type { Clock } from './clock.ts';
import type { Cluster } from './cluster.ts';
import { isLostRace, toKeystoreError } from './errors.ts';
import { tellIdentityEvent } from './identity-events.ts';
import { LoginGate } from './login-gate.ts';
import { CONNECTION_FAILURES, withRetry } from './retry.ts';
import { readToken, type Token } from './token.ts';
import { budget, delay } from './waiting.ts';

export interface LoginOptions {
  readonly method: LoginMethod;
  readonly refusals: LoginGate;
  readonly namespace: string;
  readonly budgetMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The cluster to log in to, opened anew: whom it trusts may have changed. */
  readonly cluster: () => Promise<Cluster>;
  /** Takes the token before anybody who waits for it goes on. */
  readonly onToken: (token: Token) => void;
}

// Tokens that are dead before they serve: further logins would only make more of them.
const FRUITLESS_REST = { firstMs: 5000, maxMs: 300_000, untilChanged: false };
const LOGIN_FAILED = 'login to OpenBao failed';
const MAX_RACES = 5;
const RACE_PAUSE_MS = 20;

/** Logs in by one method: one login at a time for all who wait, and none while a refusal stands. */
export class Login {
  readonly #options: LoginOptions;
  readonly #refusals: LoginGate;
  readonly #fruitless: LoginGate;
  #deadOnArrival = 0;
  #failing = false;
  #running: Promise<Token> | undefined;
  #quiet = false;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#refusals = options.refusals;
    this.#fruitless = new LoginGate(FRUITLESS_REST, options.clock);
  }

  /** The login that is under way. */
  get running(): Promise<Token> | undefined {
    return this.#running;
  }

  /**
   * Joins the login that is under way, or begins one.
   *
   * @throws KeystoreError of the refusal that stands, of the credential, of the connection; `stopping` once quiet.
   */
  once(): Promise<Token> {
    return (this.#running ??= this.#logIn().finally(() => {
      this.#running = undefined;
    }));
  }

  /** Tells that the token has served. */
  tokenServed(): void {
    this.#deadOnArrival = 0;
    this.#fruitless.open();
  }

  /** Tells that the token died without ever having served. One may have been revoked on its way; two in a row are no accident. */
  tokenWasted(): void {
    this.#deadOnArrival += 1;
    if (this.#deadOnArrival > 1) {
      this.#fruitless.refuse('', new KeystoreError('permission-denied', 'OpenBao denies every request of a new token'));
    }
  }

  /** No new login from here on. */
  quiesce(): void {
    this.#quiet = true;
  }

  async #logIn(): Promise<Token> {
    if (this.#quiet) throw new KeystoreError('stopping', 'the plugin is stopping');
    const pause = this.#fruitless.standing('');
    if (pause !== undefined) throw pause;
    const { method } = this.#options;
    try {
      return await this.#present(await this.#prepare());
    } catch (error) {
      if (!(error instanceof KeystoreError && error.class === 'login-refused' && method.rest.untilChanged)) throw error;
      // If the file was being replaced, its new content deserves a try; the old one is held back by now.
      return this.#present(await this.#prepare());
    }
  }

  async #prepare(): Promise<LoginCredential> {
    const { budgetMs, clock, cluster, method, namespace } = this.#options;
    const time = budget(clock, budgetMs, 'the login');
    try {
      return await method.prepare(async (request, tries = 'once') => {
        const server = await cluster();
        const send = () => server.send('active', { ...request, namespace, signal: time.signal });
        const limits = { deadline: clock.now() + budgetMs, signal: time.signal, on: CONNECTION_FAILURES };
        return tries === 'once' ? send() : withRetry(clock, limits, send);
      });
    } catch (error) {
      // What is denied on the way to a credential is no verdict on it, nor one on the key of the call.
      const failure = error instanceof KeystoreError && OF_KEY_REQUESTS.has(error.class) ? unclear(error) : error;
      this.#recordFailure(failure);
      throw failure;
    } finally {
      time.done();
    }
  }

  async #present(credential: LoginCredential): Promise<Token> {
    const { budgetMs, clock, cluster, log, method, onToken } = this.#options;
    const refusal = this.#refusals.standing(credential.fingerprint);
    if (refusal !== undefined) throw refusal;
    const time = budget(clock, budgetMs, 'the login');
    try {
      const server = await cluster();
      const limits = { deadline: clock.now() + budgetMs, signal: time.signal, on: CONNECTION_FAILURES };
      const answer = await withRetry(clock, limits, () => this.#send(server, credential, time.signal));
      const token = method.readToken
        ? method.readToken(answer, credential, clock.now())
        : readToken(answer, clock.now());
      if (token === undefined) throw toKeystoreError(answer);
      this.#refusals.open();
      onToken(token);
      const leaseSeconds = Number.isFinite(token.leaseMs) ? token.leaseMs / 1000 : 0;
      this.#tellSuccess(token);
      log.info({ method: method.name, lease_s: leaseSeconds, renewable: token.renewable }, 'logged in to OpenBao');
      return token;
    } catch (error) {
      this.#recordFailure(error);
      throw error;
    } finally {
      time.done();
    }
  }

  #tellSuccess({ leaseMs }: Token): void {
    const token = { method: this.#options.method.name, secondsLeft: leaseMs / 1000 };
    tellIdentityEvent({ kind: 'login', ...token });
    if (this.#failing) tellIdentityEvent({ kind: 'recovery', ...token });
    this.#failing = false;
  }

  #recordFailure(error: unknown): void {
    if (!(error instanceof KeystoreError)) return;
    const { log, method } = this.#options;
    const { httpStatus, cause, source } = error.details;
    this.#failing = true;
    const kind = REFUSED.has(error.class) ? 'refusal' : 'failure';
    tellIdentityEvent({ kind, method: method.name, class: error.class });
    log.warn({ method: method.name, class: error.class, http_status: httpStatus, cause, source }, LOGIN_FAILED);
  }

  async #send(cluster: Cluster, credential: LoginCredential, signal: AbortSignal): Promise<Answer> {
    const { clock, method, namespace } = this.#options;
    const { fingerprint, ...login } = credential;
    const request: LoginRequest = login;
    let answer = await cluster.send('active', { ...request, namespace, signal });
    // Logins with one limited-use secret id get into each other's way; the loser's try has cost no use.
    for (let races = 1; isLostRace(answer) && races < MAX_RACES; races += 1) {
      await delay(clock, RACE_PAUSE_MS * (0.5 + clock.random()), signal);
      answer = await cluster.send('active', { ...request, namespace, signal });
    }
    if (answer.status === 200) return answer;
    const verdict = method.judge(answer);
    if (verdict !== undefined) {
      const { cause } = verdict;
      const details = { httpStatus: answer.status, ...(cause && { cause }) };
      const refusal = new KeystoreError(verdict.class, verdict.message, details);
      this.#refusals.refuse(fingerprint, refusal, verdict.restMs);
      throw refusal;
    }
    const error = toKeystoreError(answer);
    // What is not on the method's list of refusals must not read as one, nor as a fault of the key's mount.
    if (!OF_KEY_REQUESTS.has(error.class)) throw error;
    const failure = unclear(error);
    // Nor may it be repeated at will: for all we know OpenBao counts it towards a lockout, or asks somebody else each time.
    if (answer.status < 500) this.#refusals.refuse(fingerprint, failure);
    throw failure;
  }
}

function unclear({ details }: KeystoreError): KeystoreError {
  return new KeystoreError('server-error', 'OpenBao cannot process the login', details);
}

const REFUSED: ReadonlySet<string> = new Set(['login-refused', 'login-locked-out']);
const OF_KEY_REQUESTS: ReadonlySet<string> = new Set(['invalid-request', 'permission-denied', 'mount-not-found']);
