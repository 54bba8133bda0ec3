import type { PluginConfiguration } from '../../config/configuration.ts';
import type { KeystoreCall } from '../../keystore/call.ts';
import type { Clock } from '../clock.ts';
import { Lanes } from '../lifecycle/lanes.ts';
import { Limiter } from '../limiter.ts';
import type { OpenSession } from '../open-session.ts';
import type { Session } from '../session.ts';
import { Sessions } from '../sessions.ts';
import type { Target } from '../target.ts';
import { budget } from '../waiting.ts';
import { createOperator, type Operator } from './operator.ts';

/** A change under way. */
export interface OperatorTurn {
  readonly operator: Operator;
  /** Ends with the time of the change, and not with its caller. */
  readonly signal: AbortSignal;
  /** Lends the operator for a further time, for what is to be done even when that of the change is over. */
  readonly extend: (timeMs: number, work: (operator: Operator) => Promise<void>) => Promise<void>;
}

export interface OperatorTurnsOptions {
  readonly limits: PluginConfiguration['limits'];
  /** The process identity at the configured servers. */
  readonly target: Target;
  readonly open: OpenSession;
  readonly clock: Clock;
}

/** Lends the operator's identity to calls: so many at once, and one at a time to changes of one keystore. */
export class OperatorTurns {
  readonly #options: OperatorTurnsOptions;
  readonly #sessions: Sessions<Session>;
  readonly #calls: Limiter;
  readonly #changes = new Lanes();

  constructor(options: OperatorTurnsOptions) {
    const { limits, open } = options;
    this.#options = options;
    this.#calls = new Limiter(limits.maxConcurrentCalls, limits.maxQueuedCalls);
    this.#sessions = new Sessions({
      max: limits.maxSessions,
      maxPerCredential: limits.maxSessionsPerCredential,
      idleMs: limits.sessionIdleMs,
      open,
    });
  }

  /** For reads: ends with the call. */
  read<T>(call: KeystoreCall, work: (operator: Operator) => Promise<T>): Promise<T> {
    const { clock, target } = this.#options;
    call.trace.place = target;
    return this.#calls.run(call.signal, () =>
      this.#sessions.use(target, (session) => work(createOperator(session, clock, call))),
    );
  }

  /** For changes: has time of its own, so that it goes on when its caller no longer waits. */
  change<T>(
    call: KeystoreCall,
    { keystore, timeMs }: { readonly keystore: string; readonly timeMs: number },
    work: (turn: OperatorTurn) => Promise<T>,
  ): Promise<T> {
    call.trace.place = this.#options.target;
    const inTurn = (): Promise<T> =>
      this.#calls.run(call.signal, () =>
        this.#sessions.use(this.#options.target, (session) => {
          const lend = <R>(lendMs: number, use: (operator: Operator, signal: AbortSignal) => Promise<R>): Promise<R> =>
            this.#lend(session, call, lendMs, use);
          return lend(timeMs, (operator, signal) => work({ operator, signal, extend: lend }));
        }),
      );
    return this.#changes.run(keystore, call.signal, inTurn);
  }

  quiesce(): void {
    this.#sessions.quiesce();
  }

  close(signal: AbortSignal): Promise<void> {
    return this.#sessions.close(signal);
  }

  async #lend<T>(
    session: Session,
    call: KeystoreCall,
    timeMs: number,
    use: (operator: Operator, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#options;
    const time = budget(clock, timeMs, 'the change');
    const { signal } = time;
    try {
      return await use(createOperator(session, clock, { ...call, signal, deadline: clock.now() + timeMs }), signal);
    } finally {
      time.done();
    }
  }
}
