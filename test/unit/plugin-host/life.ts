import type { PluginInfo, Running, StopOptions } from '../../../plugin-host/generation.ts';
import { Lifecycle } from '../../../plugin-host/lifecycle.ts';
import { completeLimits, RESTART_LIMITS, type RestartLimits } from '../../../plugin-host/limits.ts';
import { createRestartPolicy } from '../../../plugin-host/restart-policy.ts';
import type { Fall } from '../../../plugin-host/states.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** A generation without a process: what the machine asks of one, under the test's control. */
export class Life implements Running {
  readonly info: PluginInfo;
  readonly stops: StopOptions[] = [];
  readonly kills: Error[] = [];
  readonly ended = Promise.withResolvers<undefined>();
  readonly #gone = new AbortController();
  readonly gone: AbortSignal = this.#gone.signal;

  constructor(generation: number) {
    this.info = {
      generation,
      pid: 1,
      executable: '/plugins/plugin',
      hashedBytesRun: true,
      orphanProtection: true,
      network: 'unix',
      address: '/socket',
      protocolVersion: 1,
      certificateFingerprint: 'AA',
      serviceNames: [],
    };
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.stops.push(options);
    return this.ended.promise;
  }

  kill(reason: Error): Promise<void> {
    this.kills.push(reason);
    return this.ended.promise;
  }

  die(reason: Error): void {
    this.#gone.abort(reason);
  }
}

/** A start under way. */
export interface Begun {
  readonly plan: string;
  readonly generation: number;
  readonly signal: AbortSignal;
  readonly outcome: PromiseWithResolvers<Life>;
}

export interface LifeStage {
  readonly lifecycle: Lifecycle<Life, string>;
  readonly clock: ManualClock;
  /** Every state entered so far, as `name generation`. */
  readonly states: string[];
  readonly falls: (Fall & { readonly verdict: number | Error })[];
  readonly begun: Begun[];
  /** Those that are watched. */
  readonly watched: Map<Life, (error: Error) => void>;
  /** Lets the last start succeed. */
  succeed(): Promise<Life>;
  /** Lets the last start fail. */
  fail(error?: Error): Promise<void>;
}

export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A machine whose generations, clock and health are the test's. The first start is under way, from the plan `one`. */
export function lifeStage(limits: Partial<RestartLimits> = {}): LifeStage {
  const clock = new ManualClock();
  const states: string[] = [];
  const falls: LifeStage['falls'] = [];
  const begun: Begun[] = [];
  const watched: LifeStage['watched'] = new Map();
  const lifecycle = new Lifecycle<Life, string>({
    plan: 'one',
    start: (plan, generation, signal) => {
      const outcome = Promise.withResolvers<Life>();
      begun.push({ plan, generation, signal, outcome });
      // As a process would: a cancelled start ends by itself.
      signal.addEventListener('abort', () => outcome.reject(signal.reason as Error));
      return outcome.promise;
    },
    watch: (life, onUnhealthy) => {
      watched.set(life, onUnhealthy);
      return () => watched.delete(life);
    },
    policy: createRestartPolicy('TEST', completeLimits(RESTART_LIMITS, limits), clock),
    clock,
    onState: ({ name, generation }) => states.push(`${name} ${generation}`),
    onFall: (fall, verdict) => falls.push({ ...fall, verdict }),
  });
  return {
    lifecycle,
    clock,
    states,
    falls,
    begun,
    watched,
    async succeed() {
      const { generation, outcome } = begun.at(-1)!;
      const life = new Life(generation);
      outcome.resolve(life);
      await settled();
      return life;
    },
    async fail(error = new Error('no')) {
      begun.at(-1)!.outcome.reject(error);
      await settled();
    },
  };
}
