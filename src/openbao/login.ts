import { KeystoreError } from '../keystore/errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { Answer } from './answer.ts';
import type { LoginCredential, LoginMethod } from './auth/login-method.ts';
import type { Clock } from './clock.ts';
import type { Cluster } from './cluster.ts';
import { isLostRace, toKeystoreError } from './errors.ts';
import { LoginGate } from './login-gate.ts';
import { CONNECTION_FAILURES, withRetry } from './retry.ts';
import { readToken, type Token } from './token.ts';
import { budget, delay } from './waiting.ts';

export interface LoginOptions {
  readonly method: LoginMethod;
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
const MAX_RACES = 5;
const RACE_PAUSE_MS = 20;

/** Logs in by one method: one login at a time for all who wait, and none while a refusal stands. */
export class Login {
  readonly #options: LoginOptions;
  readonly #refusals: LoginGate;
  readonly #fruitless: LoginGate;
  #deadOnArrival = 0;
  #running: Promise<Token> | undefined;
  #quiet = false;

  constructor(options: LoginOptions) {
    this.#options = options;
    this.#refusals = new LoginGate(options.method.rest, options.clock);
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

  /** Tells that the token is dead, and whether it ever served. One may have been revoked on its way; two in a row are no accident. */
  tokenDied(served: boolean): void {
    this.#deadOnArrival = served ? 0 : this.#deadOnArrival + 1;
    if (served) this.#fruitless.open();
    else if (this.#deadOnArrival > 1) {
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
      return await this.#present(await method.prepare());
    } catch (error) {
      if (!(error instanceof KeystoreError && error.class === 'login-refused' && method.rest.untilChanged)) throw error;
      // If the file was being replaced, its new content deserves a try; the old one is held back by now.
      return this.#present(await method.prepare());
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
      const token = readToken(answer, clock.now());
      if (token === undefined) throw toKeystoreError(answer);
      this.#refusals.open();
      onToken(token);
      const leaseSeconds = Number.isFinite(token.leaseMs) ? token.leaseMs / 1000 : 0;
      log.info({ method: method.name, lease_s: leaseSeconds, renewable: token.renewable }, 'logged in to OpenBao');
      return token;
    } catch (error) {
      if (error instanceof KeystoreError) {
        const { httpStatus, cause } = error.details;
        const fields = { method: method.name, class: error.class, http_status: httpStatus, cause };
        log.warn(fields, 'login to OpenBao failed');
      }
      throw error;
    } finally {
      time.done();
    }
  }

  async #send(cluster: Cluster, { path, body, fingerprint }: LoginCredential, signal: AbortSignal): Promise<Answer> {
    const { clock, method, namespace } = this.#options;
    let answer = await cluster.send('active', { verb: 'write', path, body, namespace, signal });
    // Logins with one limited-use secret id get into each other's way; the loser's try has cost no use.
    for (let races = 1; isLostRace(answer) && races < MAX_RACES; races += 1) {
      await delay(clock, RACE_PAUSE_MS * (0.5 + clock.random()), signal);
      answer = await cluster.send('active', { verb: 'write', path, body, namespace, signal });
    }
    if (answer.status === 200) return answer;
    const verdict = method.judge(answer);
    if (verdict !== undefined) {
      const refusal = new KeystoreError(verdict.class, verdict.message, { httpStatus: answer.status });
      this.#refusals.refuse(fingerprint, refusal);
      throw refusal;
    }
    const error = toKeystoreError(answer);
    // What is not on the method's list of refusals must not read as one, nor as a fault of the key's mount.
    if (!OF_KEY_REQUESTS.has(error.class)) throw error;
    const unclear = new KeystoreError('server-error', 'OpenBao cannot process the login', error.details);
    // Nor may it be repeated at will: for all we know OpenBao counts it towards a lockout.
    if (answer.status === 400) this.#refusals.refuse(fingerprint, unclear);
    throw unclear;
  }
}

const OF_KEY_REQUESTS: ReadonlySet<string> = new Set(['invalid-request', 'permission-denied', 'mount-not-found']);
