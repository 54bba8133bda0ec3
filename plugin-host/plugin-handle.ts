import { EventEmitter } from 'node:events';

import type { Broker } from './broker.ts';
import { createCallStatistics } from './call-statistics.ts';
import { type CallTarget, createInvoke, createPinnedInvoke } from './calls.ts';
import { type Clock, systemClock } from './clock.ts';
import { createPluginClient, type PluginClient, type PluginContract } from './contract.ts';
import { PluginHostError } from './errors.ts';
import { type CrashReport, type HealthEvent, type PluginChannels, type PluginEvents, publish } from './events.ts';
import { createFailover, type Failover } from './failover.ts';
import { type CloseOptions, type Generation, type PluginInfo, startGeneration } from './generation.ts';
import { checkHealth, watchHealth } from './health.ts';
import { Lifecycle } from './lifecycle.ts';
import { logState, logSwap } from './log-events.ts';
import { type PluginPlan, replacePlan, type ReplacementOptions } from './options.ts';
import { replaceGeneration, type SwapProgress } from './replacement.ts';
import { createRestartPolicy } from './restart-policy.ts';
import type { Fall, PluginState } from './states.ts';
import type { PluginStatus } from './status.ts';
import { createQueue, withinTime } from './wait.ts';

/** What a probe has to judge by, besides the clients of the new process. */
export interface ProbeContext {
  readonly info: PluginInfo;
  /** Aborts when the probe's time is over or the replacement is given up. */
  readonly signal: AbortSignal;
}

/**
 * One process of a plugin, for contracts that pass broker ids in their messages: an id belongs to one process, so the call
 * that carries it must go to the same one. All of it ends with the process; after a restart or a replacement it is made
 * anew, from the next `current`.
 */
export interface PluginGeneration<Contract extends PluginContract> extends Pick<Broker, 'accept' | 'dial'> {
  readonly info: PluginInfo;
  /** As the plugin's `client`, but this process alone takes its calls: they reject once it takes no more, with the reason. */
  readonly client: PluginClient<Contract>;
  /** Aborts when it takes no more calls, with the reason. */
  readonly leaving: AbortSignal;
}

/** Tries a new process before it takes over. Rejects, or throws, when it must not. */
export type Probe<Contract extends PluginContract> = (client: PluginClient<Contract>, context: ProbeContext) => unknown;

/** How to replace a plugin's process. */
export interface ReplaceOptions<Contract extends PluginContract> {
  /** Comes after a health check, and has `probeTimeoutMs` together with it. Default: the health check alone. */
  readonly probe?: Probe<Contract>;
  /** Gives the replacement up, as long as it has not taken over. */
  readonly signal?: AbortSignal;
}

/** One plugin of a host, whichever of its processes serves at the time. */
export class PluginHandle<Contract extends PluginContract = PluginContract>
  extends EventEmitter<PluginEvents>
  implements AsyncDisposable
{
  /** The name the host gave it. */
  readonly name: string;
  /**
   * The contract's services. A call waits, within its time, for a plugin that is starting or in back-off (or its backup),
   * unless `waitForReady` is false: then it rejects at once with `ERR_NOT_READY`. It rejects with a `PluginCallError` when
   * the plugin says no, with a `PluginHostError` when there is no plugin to say anything, and with its signal's reason when
   * that aborts. A call that a plugin took and did not answer is never repeated: only the caller knows whether it may be.
   */
  readonly client: PluginClient<Contract>;
  readonly #clock: Clock;
  readonly #lifecycle: CallTarget['lifecycle'];
  readonly #target: CallTarget;
  readonly #failover: Failover | undefined;
  readonly #queue = createQueue();
  #readySince = 0;
  #restarts = 0;
  #swaps = 0;
  #health: PluginStatus['health'];
  #lastCrash: CrashReport | undefined;

  /** Made by `startPluginHost`; starts the plugin. */
  constructor(
    plan: PluginPlan & { readonly contract: Contract },
    { backup, clock = systemClock }: { readonly backup?: PluginHandle | undefined; readonly clock?: Clock } = {},
  ) {
    super();
    this.name = plan.name;
    this.#clock = clock;
    const { logger } = plan;
    this.#lifecycle = new Lifecycle<Generation, PluginPlan>({
      plan,
      start: startGeneration,
      watch: (life, onUnhealthy) => this.#watch(life, onUnhealthy),
      policy: createRestartPolicy(plan.name, plan.restart, clock),
      clock,
      onState: (state) => {
        if (state.name === 'starting') this.#restarts += 1;
        if (state.name === 'ready') this.#readySince = clock.now();
        this.#health = undefined;
        logState(logger, state);
        this.#tell('state', state);
      },
      onFall: (fall, verdict) => {
        this.#lastCrash = crashReport(fall, verdict);
        this.#tell('crash', this.#lastCrash);
      },
    });
    this.#target = { plan, lifecycle: this.#lifecycle, statistics: createCallStatistics(clock), clock };
    const other = backup === undefined ? undefined : backup.#target;
    this.#failover = other && createFailover(this.#target, other, (name, event) => this.#tell(name, event));
    this.client = createPluginClient(plan.contract, createInvoke(this.#target, other));
  }

  get state(): PluginState {
    return this.#lifecycle.state;
  }

  /** The process that serves; undefined while none does. */
  get info(): PluginInfo | undefined {
    const { state } = this;
    return state.name === 'ready' ? state.info : undefined;
  }

  /**
   * Resolves when the plugin itself serves, however often it is restarted until then. Rejects with the reason why it does
   * not and will not, or with the signal's reason.
   */
  async ready({ signal }: { readonly signal?: AbortSignal } = {}): Promise<PluginInfo> {
    const { info } = await this.#lifecycle.ready(signal);
    return info;
  }

  /** The process that serves, as soon as one does. Rejects as `ready`. */
  async current({ signal }: { readonly signal?: AbortSignal } = {}): Promise<PluginGeneration<Contract>> {
    const life = await this.#lifecycle.ready(signal);
    const { info, broker, leaving } = life;
    const { contract } = this.#target.plan;
    return {
      info,
      client: createPluginClient(contract as Contract, createPinnedInvoke(this.#target, life)),
      leaving,
      accept: broker.accept.bind(broker),
      dial: broker.dial.bind(broker),
    };
  }

  /**
   * Starts a process from other options beside the one that serves, probes it, gives it the new calls, and lets the other
   * end its own within `drainTimeoutMs`; it resolves after that. No call fails by it. Later restarts use these options.
   *
   * Whatever goes wrong before it takes over ends the new process and changes nothing else. Rejects with `ERR_REPLACE`
   * (`details.step` and `cause` tell at which step and why), `ERR_OPTIONS`, `ERR_CLOSED` or the signal's reason. Waits for
   * a start or a replacement under way; a plugin in back-off is not restarted meanwhile.
   */
  async replace(changes: ReplacementOptions, options: ReplaceOptions<Contract> = {}): Promise<PluginInfo> {
    return this.#queue(() => this.#replace(changes, options));
  }

  /**
   * From `failed` or `backoff`: starts the plugin at once and forgets its restarts so far. From `ready`: replaces the
   * process by a fresh one, as `replace` does. Resolves and rejects as `ready` and `replace` do.
   */
  async restart({ signal }: { readonly signal?: AbortSignal } = {}): Promise<PluginInfo> {
    const replaced = await this.#queue(async () => {
      if (this.state.name === 'ready') return this.#replace({}, { ...(signal && { signal }) });
      this.#lifecycle.restart();
      return undefined;
    });
    return replaced ?? this.ready({ ...(signal && { signal }) });
  }

  /** How it is doing, now. */
  status(): PluginStatus {
    const { state, info } = this;
    return {
      state: state.name,
      generation: state.generation,
      ...('error' in state && { reason: state.error.message }),
      ...(info && { info }),
      uptimeMs: info ? this.#clock.now() - this.#readySince : 0,
      restarts: this.#restarts,
      swaps: this.#swaps,
      failedOver: this.#failover?.active ?? false,
      ...(this.#health && { health: this.#health }),
      calls: this.#target.statistics.status(),
      ...(this.#lastCrash && { lastCrash: this.#lastCrash }),
    };
  }

  /**
   * Calls drained, Deinit, Shutdown, channel closed, up to 2 s for the process to end, SIGKILL to its group. A replacement
   * under way is given up. Idempotent; never rejects; when it resolves neither process nor socket is left.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#lifecycle.close(options);
    this.#failover?.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #replace(changes: ReplacementOptions, { probe, signal }: ReplaceOptions<Contract>): Promise<PluginInfo> {
    signal?.throwIfAborted();
    const plan = replacePlan(this.#lifecycle.plan, changes);
    const { info } = await replaceGeneration(this.#lifecycle, {
      plugin: this.name,
      plan,
      probe: (life, whileWanted) => this.#probe(life, plan, whileWanted, probe),
      signal,
      onStep: (event) => this.#onSwap(event),
    });
    return info;
  }

  async #probe(
    life: Generation,
    plan: PluginPlan,
    whileWanted: AbortSignal,
    probe: Probe<Contract> | undefined,
  ): Promise<void> {
    const { probeTimeoutMs } = plan;
    const deadline = Date.now() + probeTimeoutMs;
    const late = (): Error => new PluginHostError('ERR_PROBE', `the probe did not end within ${probeTimeoutMs} ms`);
    await withinTime(probeTimeoutMs, late, whileWanted, async (signal) => {
      await checkHealth(life.connection, probeTimeoutMs, signal);
      const client = createPluginClient(plan.contract as Contract, (method, request, options) =>
        life.connection.unary(method, request, {
          deadline: options?.timeoutMs === undefined ? deadline : Date.now() + options.timeoutMs,
          signal: options?.signal ? AbortSignal.any([signal, options.signal]) : signal,
        }),
      );
      await probe?.(client, { info: life.info, signal });
    });
  }

  #onSwap(event: SwapProgress): void {
    if (event.step === 'switched') this.#swaps += 1;
    logSwap(this.#target.plan.logger, event);
    this.#tell('swap', event);
  }

  #watch(life: Generation, onUnhealthy: (error: Error) => void): () => void {
    const { health: limits, logger } = this.#target.plan;
    const { generation } = life.info;
    let wasHealthy = true;
    return watchHealth({
      check: (timeoutMs, signal) => checkHealth(life.connection, timeoutMs, signal),
      limits,
      clock: this.#clock,
      onUnhealthy: (cause) => {
        const text = `plugin ${this.name} failed ${limits.failures} health checks in a row: ${cause.message}`;
        const details = { plugin: this.name, lastStderr: life.lastStderr() };
        onUnhealthy(new PluginHostError('ERR_UNHEALTHY', text, details, { cause }));
      },
      onResult: (result) => {
        const event: HealthEvent = { generation, ...result };
        this.#health = { ...event, at: new Date() };
        if (result.healthy && wasHealthy) return;
        wasHealthy = result.healthy;
        if (result.error) logger.warn({ generation, failures: result.failures }, result.error.message);
        this.#tell('health', event);
      },
    });
  }

  /** Not in the middle of a transition: a listener may throw, or close the plugin. */
  #tell<Name extends keyof PluginEvents & keyof PluginChannels>(name: Name, event: PluginChannels[Name]): void {
    queueMicrotask(() => {
      publish(name, this.name, () => event);
      // The types of the two tables agree by name, which the type checker cannot see in a generic function.
      (this as EventEmitter).emit(name, event);
    });
  }
}

function crashReport({ generation, error, readyMs }: Fall, verdict: number | Error): CrashReport {
  const { exitCode, signal, lastStderr = [] } = error instanceof PluginHostError ? error.details : {};
  return {
    generation,
    at: new Date(),
    error,
    ...(exitCode !== undefined && { exitCode }),
    ...(signal !== undefined && { signal }),
    lastStderr,
    readyMs,
    ...(typeof verdict === 'number' && { restartInMs: verdict }),
  };
}
