import type { KeystoreCall } from '../keystore/call.ts';
import { type Answer, answerData, answerRequestId } from './answer.ts';
import type { Clock } from './clock.ts';
import { notTransit, type RequestContext, toKeystoreError } from './errors.ts';
import type { HealthProbe } from './health.ts';
import { cryptoPath, keyPath, mountPath } from './paths.ts';
import type { Session, SessionRequest } from './session.ts';
import type { Endable } from './sessions.ts';
import { SharedRead } from './shared-read.ts';
import { budget, waitFor } from './waiting.ts';

/** Transit's verbs on data. */
export type CryptoOperation = 'encrypt' | 'decrypt' | 'rewrap';

/** A request that changes something in OpenBao. */
export type Change = Pick<SessionRequest, 'verb' | 'path' | 'body' | 'context'>;

/** The Transit requests of one identity on one mount. Whatever calls come to share is shared here, and nowhere else. */
export class TransitSession implements Endable {
  readonly probe: HealthProbe;
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #readBudgetMs: number;
  readonly #keyReads = new SharedRead<Answer>();
  // Mounts that were seen to be Transit mounts.
  readonly #transitMounts = new Set<string>();

  constructor(options: {
    readonly session: Session;
    readonly probe: HealthProbe;
    readonly clock: Clock;
    readonly readBudgetMs: number;
  }) {
    this.probe = options.probe;
    this.#session = options.session;
    this.#clock = options.clock;
    this.#readBudgetMs = options.readBudgetMs;
  }

  /** Logs in unless that is done. */
  ready(signal: AbortSignal): Promise<void> {
    return this.#session.ready(signal);
  }

  /** `GET <mount>/keys/<name>`, shared by calls that wait for the same key at the same time. */
  async readKey(call: KeystoreCall, mount: string, keyId: string): Promise<Answer> {
    const path = keyPath(mount, keyId);
    // Whoever shares the request must not lose it when one of them goes away, so it runs on time of its own.
    const read = async (): Promise<Answer> => {
      const time = budget(this.#clock, this.#readBudgetMs, 'the read');
      const own = { ...call, signal: time.signal, deadline: this.#clock.now() + this.#readBudgetMs };
      try {
        const context = { policyPath: path, capability: 'read' };
        return await this.#send(own, { purpose: 'any', verb: 'read', path, context });
      } finally {
        time.done();
      }
    };
    const answer = await waitFor(this.#keyReads.read(path, read), call.signal);
    call.trace.path = path;
    noteRequestId(call, answer);
    return answer;
  }

  /** The same at the active node and shared with nobody, for what must be seen as it is now. */
  readKeyOnActive(call: KeystoreCall, mount: string, keyId: string): Promise<Answer> {
    const path = keyPath(mount, keyId);
    return this.readOnActive(call, path, { policyPath: path, capability: 'read' });
  }

  /** Any read at the active node. */
  async readOnActive(call: KeystoreCall, path: string, context: RequestContext): Promise<Answer> {
    const answer = await this.#send(call, { purpose: 'active', verb: 'read', path, context });
    noteRequestId(call, answer);
    return answer;
  }

  /** Asks OpenBao a question that is put as a write and changes nothing, and that it may refuse to answer. */
  ask(call: KeystoreCall, path: string, body: object): Promise<Answer> {
    return this.#send(call, { purpose: 'any', verb: 'write', path, body, context: {}, mayBeDenied: true });
  }

  /** Whether one of the servers says that it is the active one, asked now. */
  async hasActiveNode(signal: AbortSignal): Promise<boolean> {
    return (await (await this.#session.cluster()).findActive(signal)) !== undefined;
  }

  /**
   * One try of a change, at the active node. It is sent once and ends with the call's signal only, which must not be that
   * of somebody who may lose patience. Resolves with whatever OpenBao answered.
   *
   * @throws KeystoreError `no-active-node` when it reached a node that is not the active one, or no longer.
   */
  async change(call: KeystoreCall, change: Change): Promise<Answer> {
    const request = { purpose: 'active', tries: 'once', ...change } as const;
    let answer = await this.#send(call, { ...request, forwarding: false });
    if (answer.status === 307) {
      const { origins } = await this.#session.cluster();
      if (origins.length > 1) throw toKeystoreError(answer);
      // With one address there is no other way to the active node than through this one.
      answer = await this.#send(call, request);
    }
    noteRequestId(call, answer);
    return answer;
  }

  /** Whether a mount is a Transit mount. `context` is what the answer is needed for. */
  async isTransit(call: KeystoreCall, mount: string, context: RequestContext = {}): Promise<boolean> {
    const answer = await this.#send(call, { purpose: 'any', verb: 'read', path: mountPath(mount), context });
    if (answer.status === 429) throw toKeystoreError(answer);
    return answerData(answer)?.type === 'transit';
  }

  /**
   * Encrypts, decrypts or rewraps one item, and resolves with the `data` of the answer. The first encrypt looks at the mount
   * before: a store of another kind would keep the plaintext.
   */
  async operate(
    call: KeystoreCall,
    operation: CryptoOperation,
    mount: string,
    keyId: string,
    item: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const path = cryptoPath(mount, operation, keyId);
    const context = { policyPath: path, capability: 'update' };
    if (operation === 'encrypt' && !this.#transitMounts.has(mount)) {
      if (!(await this.isTransit(call, mount, context))) throw notTransit();
      this.#transitMounts.add(mount);
    }
    const answer = await this.#send(call, { purpose: 'any', verb: 'write', path, body: item, context });
    noteRequestId(call, answer);
    // A store of another kind has taken the request for something to keep.
    if (answer.status === 204) throw notTransit();
    const data = answer.status === 200 ? answerData(answer) : undefined;
    if (data === undefined) throw toKeystoreError(answer, context);
    return data;
  }

  quiesce(): void {
    this.#session.quiesce();
  }

  close(signal: AbortSignal): Promise<void> {
    return this.#session.close(signal);
  }

  #send(call: KeystoreCall, request: Omit<SessionRequest, 'signal' | 'deadline'>): Promise<Answer> {
    return this.#session.send({
      ...request,
      signal: call.signal,
      deadline: call.deadline,
      trace: call.trace,
      ...(call.requestId === undefined ? {} : { requestId: call.requestId }),
    });
  }
}

function noteRequestId(call: KeystoreCall, answer: Answer): void {
  const id = answerRequestId(answer);
  if (id !== undefined) call.trace.openbaoRequestIds.push(id);
}
