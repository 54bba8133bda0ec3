import type { Logger } from '../logging/logger.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { Answer } from './answer.ts';
import type { LoginCredential, LoginMethod } from './auth/login-method.ts';
import type { OpenBaoRequest } from './client.ts';
import type { Clock } from './clock.ts';
import type { Cluster, Purpose } from './cluster.ts';
import type { ClusterSource } from './cluster-source.ts';
import { isWrappedDenial, type RequestContext, toKeystoreError } from './errors.ts';
import { LoginGate } from './login-gate.ts';
import { TOKEN_PATHS } from './paths.ts';
import { withRetry } from './retry.ts';
import {
  careBackoffMs,
  careDelayMs,
  isShrinking,
  needsLogin,
  readToken,
  renewedToken,
  saysTokenIsDead,
  type Token,
} from './token.ts';
import { budget, waitFor } from './waiting.ts';

/** A request whose token and namespace the session adds. */
export interface SessionRequest extends Omit<OpenBaoRequest, 'token' | 'namespace'> {
  readonly purpose: Purpose;
  readonly context: RequestContext;
}

export interface SessionOptions {
  readonly cluster: ClusterSource;
  readonly namespace: string;
  readonly method: LoginMethod;
  readonly loginBudgetMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

// A policy added to a role reaches only tokens issued afterwards, so a denial is worth a fresh login, but seldom.
const DENIAL_LOGIN_PAUSE_MS = 300_000;
// How long a token that was seen alive needs no second look when a policy denies.
const ALIVE_MS = 10_000;
const MAX_SENDS = 3;

/**
 * One identity at one cluster: its connections and the life of its token. Callers never see a token end: it is renewed
 * in the background, replaced before its maximum, and replaced at once when the server no longer knows it, by one login
 * for everybody who waits.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #gate: LoginGate;
  #cluster: Cluster | undefined;
  #token: Token | undefined;
  #login: Promise<Token> | undefined;
  #triage: Promise<Token | undefined> | undefined;
  #cancelCare: (() => void) | undefined;
  #failures = 0;
  #seenAliveAt = -Infinity;
  #denialLoginAt = -Infinity;
  #quiet = false;
  #closing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#gate = new LoginGate(options.method.rest, options.clock);
  }

  /**
   * Sends with a live token. Resolves with OpenBao's answer, failures other than a denial included.
   *
   * @throws KeystoreError `permission-denied` when the token is alive and a policy denies; the login's errors; those of
   * the connection; the signal's reason.
   */
  async send(request: SessionRequest): Promise<Answer> {
    let token = await this.#liveToken(request.signal);
    for (let sends = 1; ; sends += 1) {
      const answer = await this.#sendWith(token, request);
      if (answer.status !== 403) return answer;
      const next = sends < MAX_SENDS ? await this.#afterDenial(token, answer, request.signal) : undefined;
      if (next === undefined) throw toKeystoreError(answer, request.context);
      token = next;
    }
  }

  /** Logs in now unless a token is at hand. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#liveToken(signal);
  }

  /** The cluster of this session, opened if need be; for requests that carry no token. */
  async cluster(): Promise<Cluster> {
    return (this.#cluster ??= await this.#options.cluster.refresh());
  }

  /** No new login and no renewal from here on. */
  quiesce(): void {
    this.#quiet = true;
    this.#cancelCare?.();
  }

  /** Revokes the token, best effort until the signal aborts, and ends the connections. Idempotent. */
  close(signal: AbortSignal): Promise<void> {
    return (this.#closing ??= this.#close(signal));
  }

  async #liveToken(signal: AbortSignal): Promise<Token> {
    if (this.#token !== undefined && this.#token.expiresAt > this.#options.clock.now()) return this.#token;
    return waitFor(this.#loginOnce(), signal);
  }

  async #sendWith(token: Token, request: SessionRequest): Promise<Answer> {
    const { purpose, context: _, ...rest } = request;
    const cluster = await this.cluster();
    return cluster.send(purpose, { ...rest, namespace: this.#options.namespace, token: token.value });
  }

  // A late denial of an older token says nothing about the present one.
  async #afterDenial(token: Token, answer: Answer, signal: AbortSignal): Promise<Token | undefined> {
    const current = this.#token;
    if (current !== undefined && current.value !== token.value) return current;
    const { clock } = this.#options;
    if (isWrappedDenial(answer) && clock.now() - this.#seenAliveAt < ALIVE_MS) return undefined;
    this.#triage ??= this.#judgeToken(token).finally(() => {
      this.#triage = undefined;
    });
    return waitFor(this.#triage, signal);
  }

  // Asks the server once per episode whether the token is alive.
  async #judgeToken(token: Token): Promise<Token | undefined> {
    const { clock, log } = this.#options;
    const answer = await this.#own('read', TOKEN_PATHS.lookupSelf, token);
    if (saysTokenIsDead(answer)) {
      log.info({ method: this.#options.method.name }, 'token is no longer known to OpenBao, logging in anew');
      this.#forget(token);
      return this.#loginOnce();
    }
    if (answer.status !== 200 && !isWrappedDenial(answer)) throw toKeystoreError(answer);
    this.#seenAliveAt = clock.now();
    if (clock.now() - this.#denialLoginAt < DENIAL_LOGIN_PAUSE_MS) return undefined;
    this.#denialLoginAt = clock.now();
    const fresh = await this.#loginOnce();
    this.#seenAliveAt = clock.now();
    return fresh;
  }

  #forget(token: Token): void {
    if (this.#token?.value !== token.value) return;
    this.#token = undefined;
    this.#cancelCare?.();
  }

  #loginOnce(): Promise<Token> {
    this.#login ??= this.#logIn().finally(() => {
      this.#login = undefined;
    });
    // Every waiter may have gone away by the time it fails.
    this.#login.catch(() => undefined);
    return this.#login;
  }

  async #logIn(): Promise<Token> {
    if (this.#quiet) throw new KeystoreError('stopping', 'the plugin is stopping');
    const { method } = this.#options;
    const credential = await method.prepare();
    try {
      return await this.#present(credential);
    } catch (error) {
      // Refused while the file was being replaced: the new content deserves its own try.
      if (!(error instanceof KeystoreError && error.class === 'login-refused' && method.rest.untilChanged)) throw error;
      const again = await method.prepare();
      if (again.fingerprint === credential.fingerprint) throw error;
      return this.#present(again);
    }
  }

  async #present(credential: LoginCredential): Promise<Token> {
    const { clock, log, loginBudgetMs, method } = this.#options;
    const refusal = this.#gate.standing(credential.fingerprint);
    if (refusal !== undefined) throw refusal;
    const time = budget(clock, loginBudgetMs, 'the login');
    try {
      this.#cluster = await this.#options.cluster.refresh();
      const deadline = clock.now() + loginBudgetMs;
      const answer = await withRetry(clock, { deadline, signal: time.signal }, () =>
        this.#sendLogin(credential, time.signal),
      );
      const token = readToken(answer, clock.now());
      if (token === undefined) throw toKeystoreError(answer);
      this.#gate.open();
      this.#adopt(token);
      const leaseSeconds = Number.isFinite(token.leaseMs) ? token.leaseMs / 1000 : 0;
      log.info({ method: method.name, lease_s: leaseSeconds, renewable: token.renewable }, 'logged in to OpenBao');
      return token;
    } catch (error) {
      if (error instanceof KeystoreError)
        log.warn(
          {
            method: method.name,
            class: error.class,
            http_status: error.details.httpStatus,
            cause: error.details.cause,
          },
          'login to OpenBao failed',
        );
      throw error;
    } finally {
      time.done();
    }
  }

  async #sendLogin(credential: LoginCredential, signal: AbortSignal): Promise<Answer> {
    const cluster = await this.cluster();
    const answer = await cluster.send('active', {
      verb: 'write',
      path: credential.path,
      body: credential.body,
      namespace: this.#options.namespace,
      signal,
    });
    if (answer.status === 200) return answer;
    const verdict = this.#options.method.judge(answer);
    if (verdict !== undefined) {
      const refusal = new KeystoreError(verdict.class, verdict.message, { httpStatus: answer.status });
      this.#gate.refuse(credential.fingerprint, refusal);
      throw refusal;
    }
    const error = toKeystoreError(answer);
    // What is not on the method's list of refusals must not read as one.
    throw error.class === 'invalid-request' || error.class === 'permission-denied'
      ? new KeystoreError('server-error', 'OpenBao cannot process the login', error.details)
      : error;
  }

  #adopt(token: Token): void {
    this.#token = token;
    this.#failures = 0;
    this.#scheduleCare(careDelayMs(token, this.#options.clock));
  }

  #scheduleCare(delayMs: number): void {
    this.#cancelCare?.();
    this.#cancelCare = undefined;
    if (this.#quiet || !Number.isFinite(delayMs)) return;
    this.#cancelCare = this.#options.clock.schedule(delayMs, () => {
      void this.#careForToken();
    });
  }

  // Renews, or logs in anew where renewing no longer helps. Never rejects: callers go on with the token they have.
  async #careForToken(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    const { clock } = this.#options;
    try {
      if (needsLogin(token, clock.now())) {
        await this.#loginOnce();
        return;
      }
      const answer = await this.#own('write', TOKEN_PATHS.renewSelf, token);
      if (this.#token !== token) return;
      const renewed = renewedToken(token, answer, clock.now());
      if (renewed !== undefined) this.#adopt(renewed);
      if (renewed === undefined ? answer.status < 500 : isShrinking(renewed, clock.now())) await this.#loginOnce();
      else if (renewed === undefined) throw toKeystoreError(answer);
    } catch (error) {
      this.#failures += 1;
      const errorClass = error instanceof KeystoreError ? error.class : 'internal';
      this.#options.log.warn(
        { class: errorClass, failures: this.#failures },
        'the token could not be renewed or replaced',
      );
      if (this.#token !== undefined && this.#token.expiresAt > clock.now()) {
        this.#scheduleCare(careBackoffMs(this.#failures, clock));
      }
    }
  }

  // A request about the token itself, under a budget of its own.
  async #own(verb: 'read' | 'write', path: string, token: Token): Promise<Answer> {
    const { clock, loginBudgetMs, namespace } = this.#options;
    const time = budget(clock, loginBudgetMs, 'the token request');
    try {
      const cluster = await this.cluster();
      return await cluster.send('active', { verb, path, namespace, token: token.value, signal: time.signal });
    } finally {
      time.done();
    }
  }

  async #close(signal: AbortSignal): Promise<void> {
    this.quiesce();
    // A login under way would leave a token behind.
    if (this.#login !== undefined) await waitFor(this.#login, signal).catch(() => undefined);
    const token = this.#token;
    this.#token = undefined;
    this.#cancelCare?.();
    if (token !== undefined && token.expiresAt > this.#options.clock.now() && !signal.aborted) {
      const cluster = await this.cluster();
      const { namespace } = this.#options;
      await cluster
        .send('active', { verb: 'write', path: TOKEN_PATHS.revokeSelf, namespace, token: token.value, signal })
        .catch(() => undefined);
    }
    await this.#options.cluster.close();
  }
}
