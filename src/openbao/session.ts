import type { Logger } from '../logging/logger.ts';
import type { CallTrace } from '../keystore/call.ts';
import { KeystoreError } from '../keystore/errors.ts';
import { type Answer, answerErrors } from './answer.ts';
import type { LoginMethod } from './auth/login-method.ts';
import type { LoginGate } from './login-gate.ts';
import type { OpenBaoRequest } from './client.ts';
import type { Clock } from './clock.ts';
import type { Cluster, Purpose } from './cluster.ts';
import type { ClusterSource } from './cluster-source.ts';
import { isWrappedDenial, type RequestContext, toKeystoreError } from './errors.ts';
import { tellIdentityEvent } from './identity-events.ts';
import { Login } from './login.ts';
import { TOKEN_PATHS } from './paths.ts';
import { RetiredTokens } from './retired-tokens.ts';
import { FAILURES_OF_FREE_REQUESTS, withRetry } from './retry.ts';
import {
  careBackoffMs,
  careDelayMs,
  endsRenewal,
  isShrinking,
  needsLogin,
  renewedToken,
  saysTokenIsDead,
  type Token,
} from './token.ts';
import { budget, waitFor } from './waiting.ts';

/** A request whose token and namespace the session adds. */
export interface SessionRequest extends Omit<OpenBaoRequest, 'token' | 'namespace'> {
  readonly purpose: Purpose;
  readonly context: RequestContext;
  /** End of the call's time, on the clock. */
  readonly deadline: number;
  /**
   * `repeated` for what costs nothing when it is carried out twice: failures that pass by themselves are tried again.
   * `once`: every answer, failures of the server included, is returned, and every failure of the connection thrown, since
   * only the caller can tell what may be repeated.
   */
  readonly tries?: 'repeated' | 'once';
  /** Whether a denial is an answer like any other and costs no look at the token; false by default. */
  readonly mayBeDenied?: boolean;
  /** Of the call that asks. */
  readonly trace?: CallTrace;
}

export interface SessionOptions {
  readonly cluster: ClusterSource;
  readonly namespace: string;
  readonly method: LoginMethod;
  /** What is known of refusals of the method's credential; it may outlive the session. */
  readonly refusals: LoginGate;
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
  readonly #login: Login;
  readonly #retired = new RetiredTokens((token) => this.#own('write', TOKEN_PATHS.revokeSelf, token));
  #cluster: Cluster | undefined;
  #token: Token | undefined;
  #served = false;
  #triage: Promise<Token | undefined> | undefined;
  #cancelCare: (() => void) | undefined;
  #failures = 0;
  #seenAliveAt = -Infinity;
  #denialLoginAt = -Infinity;
  #quiet = false;
  #closing: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    const { clock, log, loginBudgetMs: budgetMs, method, namespace, refusals } = options;
    this.#options = options;
    this.#login = new Login({
      method,
      refusals,
      namespace,
      budgetMs,
      clock,
      log,
      cluster: async () => (this.#cluster = await options.cluster.refresh()),
      onToken: (token) => {
        this.#served = false;
        this.#adopt(token);
      },
    });
  }

  /**
   * Sends with a live token. Resolves with OpenBao's answer, a refusal with status 4xx included.
   *
   * @throws KeystoreError `permission-denied` when the token is alive and a policy denies; the login's errors; those of
   * the connection and of OpenBao itself; the signal's reason.
   */
  async send(request: SessionRequest): Promise<Answer> {
    let token = await this.#liveToken(request.signal);
    for (let sends = 1; ; sends += 1) {
      const carried = token;
      const answer = await this.#retired.carrying(carried, () => this.#sendWith(carried, request));
      // A denial by policy shows a token that lives, too.
      if (answer.status !== 403 || isWrappedDenial(answer)) this.#noteServed(token);
      if (answer.status !== 403 || request.mayBeDenied === true) return answer;
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
    this.#login.quiesce();
    this.#cancelCare?.();
  }

  /** Revokes the token, best effort until the signal aborts, and ends the connections. Idempotent. */
  close(signal: AbortSignal): Promise<void> {
    return (this.#closing ??= this.#close(signal));
  }

  async #liveToken(signal: AbortSignal): Promise<Token> {
    if (this.#token !== undefined && this.#token.expiresAt > this.#options.clock.now()) return this.#token;
    return waitFor(this.#login.once(), signal);
  }

  // A login is no part of what is repeated here: it has its own tries, and each one may count.
  async #sendWith(token: Token, sent: SessionRequest): Promise<Answer> {
    const { purpose, context, deadline, trace, tries = 'repeated', mayBeDenied: _, ...request } = sent;
    const { clock, namespace } = this.#options;
    if (trace !== undefined) {
      trace.path = request.path;
      trace.tokenAccessor = token.accessor;
    }
    if (tries === 'once') {
      noteAttempt(trace);
      return (await this.cluster()).send(purpose, { ...request, namespace, token: token.value });
    }
    const limits = { deadline, signal: request.signal, on: FAILURES_OF_FREE_REQUESTS };
    return withRetry(clock, limits, async () => {
      noteAttempt(trace);
      const cluster = await this.cluster();
      const answer = await cluster.send(purpose, { ...request, namespace, token: token.value });
      const refused = answer.status >= 400 && answer.status < 500;
      if (answer.status < 300 || refused) return answer;
      throw toKeystoreError(answer, context);
    });
  }

  // A late denial of an older token says nothing about the present one.
  async #afterDenial(token: Token, answer: Answer, signal: AbortSignal): Promise<Token | undefined> {
    // Whoever said it, it was not OpenBao, so it says nothing about the token.
    if (answerErrors(answer) === undefined) return undefined;
    const current = this.#token;
    if (current !== undefined && current.value !== token.value) return current;
    if (this.#triage === undefined && isWrappedDenial(answer) && this.#wasSeenAlive()) return undefined;
    // One that is under way may be logging in by now, which helps whoever was denied meanwhile.
    this.#triage ??= this.#judgeToken(token).finally(() => {
      this.#triage = undefined;
    });
    return waitFor(this.#triage, signal);
  }

  #noteServed(token: Token): void {
    if (this.#served || token.value !== this.#token?.value) return;
    this.#served = true;
    this.#login.tokenServed();
  }

  #wasSeenAlive(): boolean {
    return this.#options.clock.now() - this.#seenAliveAt < ALIVE_MS;
  }

  // Asks the server once per episode whether the token is alive.
  async #judgeToken(token: Token): Promise<Token | undefined> {
    const { clock, log, method } = this.#options;
    const answer = await this.#own('read', TOKEN_PATHS.lookupSelf, token);
    if (saysTokenIsDead(answer)) {
      log.info({ method: method.name }, 'token is no longer known to OpenBao, logging in anew');
      this.#forget(token);
      return this.#login.once();
    }
    if (answer.status !== 200 && !isWrappedDenial(answer)) throw toKeystoreError(answer);
    this.#seenAliveAt = clock.now();
    if (clock.now() - this.#denialLoginAt < DENIAL_LOGIN_PAUSE_MS) return undefined;
    this.#denialLoginAt = clock.now();
    try {
      return await this.#login.once();
    } catch {
      // The denial stands whether or not a fresh login can be had; why it cannot is in the log. What failed was no login.
      this.#denialLoginAt = -Infinity;
      return undefined;
    } finally {
      this.#seenAliveAt = clock.now();
    }
  }

  #forget(token: Token): void {
    if (this.#token?.value !== token.value) return;
    tellIdentityEvent({ kind: 'end', method: this.#options.method.name });
    if (!this.#served) this.#login.tokenWasted();
    this.#token = undefined;
    this.#cancelCare?.();
  }

  #renew(token: Token): void {
    this.#adopt(token);
    const secondsLeft = (token.expiresAt - this.#options.clock.now()) / 1000;
    tellIdentityEvent({ kind: 'renewal', method: this.#options.method.name, secondsLeft });
  }

  #adopt(token: Token): void {
    const replaced = this.#token;
    this.#token = token;
    if (replaced?.value !== token.value && this.#isOurs(replaced)) this.#retired.retire(replaced);
    this.#failures = 0;
    // A borrowed token that cannot be renewed ends when it ends: a login would only look at it again.
    const careless = this.#options.method.borrowed === true && !token.renewable;
    this.#scheduleCare(careless ? Infinity : careDelayMs(token, this.#options.clock));
  }

  /** Whether a token is one that lives and that we may end. */
  #isOurs(token: Token | undefined): token is Token {
    const { clock, method } = this.#options;
    return token !== undefined && token.expiresAt > clock.now() && method.borrowed !== true;
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
        await this.#login.once();
        return;
      }
      const answer = await this.#own('write', TOKEN_PATHS.renewSelf, token);
      if (this.#token !== token) return;
      const renewed = renewedToken(token, answer, clock.now());
      if (renewed !== undefined) this.#renew(renewed);
      if (renewed === undefined ? endsRenewal(answer) : isShrinking(renewed, clock.now())) await this.#login.once();
      else if (renewed === undefined) throw toKeystoreError(answer);
    } catch (error) {
      this.#failures += 1;
      const errorClass = error instanceof KeystoreError ? error.class : 'internal';
      tellIdentityEvent({ kind: 'failure', method: this.#options.method.name, class: errorClass });
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
  async #own(verb: 'read' | 'write', path: string, token: Token, caller?: AbortSignal): Promise<Answer> {
    const { clock, loginBudgetMs, namespace } = this.#options;
    const time = budget(clock, loginBudgetMs, 'the token request');
    const signal = caller === undefined ? time.signal : AbortSignal.any([time.signal, caller]);
    try {
      const cluster = await this.cluster();
      return await cluster.send('active', { verb, path, namespace, token: token.value, signal });
    } finally {
      time.done();
    }
  }

  async #close(signal: AbortSignal): Promise<void> {
    this.quiesce();
    // A login under way would leave a token behind.
    if (this.#login.running !== undefined) await waitFor(this.#login.running, signal).catch(() => undefined);
    const token = this.#token;
    this.#token = undefined;
    if (this.#isOurs(token) && !signal.aborted) {
      await this.#own('write', TOKEN_PATHS.revokeSelf, token, signal).catch(() => undefined);
    }
    await waitFor(this.#retired.settled(), signal).catch(() => undefined);
    await this.#options.cluster.close();
  }
}

function noteAttempt(trace: CallTrace | undefined): void {
  if (trace !== undefined) trace.attempts = (trace.attempts ?? 0) + 1;
}
