import { EventEmitter } from 'node:events';

import { type CallOptions, createPluginClient, type PluginClient, type PluginContract } from './contract.ts';
import { PluginHostError } from './errors.ts';
import { type CloseOptions, type Generation, type PluginInfo, startGeneration } from './generation.ts';
import { Lifecycle, type PluginState } from './lifecycle.ts';
import { isLimit, type PluginPlan, TIME_LIMITS } from './options.ts';
import { unlessAborted } from './wait.ts';

/** Events of a {@link PluginHandle}. */
export interface PluginEvents {
  /** The plugin moved on to this state. */
  state: [state: PluginState];
}

/** One plugin of a host, whichever of its processes serves at the time. */
export class PluginHandle<Contract extends PluginContract = PluginContract>
  extends EventEmitter<PluginEvents>
  implements AsyncDisposable
{
  /** The name the host gave it. */
  readonly name: string;
  /**
   * The contract's services. A call waits for a starting plugin; it rejects with a `PluginCallError` when the plugin says
   * no, with a `PluginHostError` when there is no plugin to say anything, and with its signal's reason when that aborts.
   */
  readonly client: PluginClient<Contract>;
  readonly #plan: PluginPlan;
  readonly #lifecycle: Lifecycle<Generation>;

  /** Made by `startPluginHost`; starts the plugin. */
  constructor(plan: PluginPlan & { readonly contract: Contract }) {
    super();
    this.name = plan.name;
    this.#plan = plan;
    this.client = createPluginClient(plan.contract, async (method, request, options) => {
      const deadline = this.#deadline(options);
      const signal = options?.signal;
      const serving = this.#lifecycle.serving();
      const { connection } = serving instanceof Promise ? await this.#started(serving, deadline, signal) : serving;
      return connection.unary(method, request, { deadline, signal });
    });
    this.#lifecycle = new Lifecycle(
      (number, signal) => startGeneration(plan, number, signal),
      (state) => {
        logState(plan, state);
        // Not in the middle of a transition: a listener may throw, or close the plugin.
        queueMicrotask(() => this.emit('state', state));
      },
    );
  }

  get state(): PluginState {
    return this.#lifecycle.state;
  }

  /** The process that serves; undefined while none does. */
  get info(): PluginInfo | undefined {
    const { state } = this;
    return state.name === 'ready' ? state.info : undefined;
  }

  /** Resolves when the plugin serves. Rejects with the reason why it does not and will not, or with the signal's reason. */
  async ready({ signal }: { readonly signal?: AbortSignal } = {}): Promise<PluginInfo> {
    const { info } = await unlessAborted(Promise.resolve(this.#lifecycle.serving()), signal);
    return info;
  }

  /**
   * Calls drained, Deinit, Shutdown, channel closed, up to 2 s for the process to end, SIGKILL to its group. Idempotent;
   * never rejects; when it resolves neither process nor socket is left.
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#lifecycle.close(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #deadline({ timeoutMs = this.#plan.callTimeoutMs }: CallOptions = {}): number {
    const { max } = TIME_LIMITS.callTimeoutMs;
    if (!isLimit(timeoutMs, max)) throw new PluginHostError('ERR_OPTIONS', `timeoutMs must be 1 to ${max} ms`);
    return Date.now() + timeoutMs;
  }

  async #started(serving: Promise<Generation>, deadline: number, signal?: AbortSignal): Promise<Generation> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(this.#notReady()), deadline - Date.now());
    try {
      return await unlessAborted(serving, signal ? AbortSignal.any([late.signal, signal]) : late.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #notReady(): PluginHostError {
    const { name: plugin } = this;
    return new PluginHostError('ERR_NOT_READY', `plugin ${plugin} was not ready in the time of the call`, { plugin });
  }
}

function logState({ logger }: PluginPlan, state: PluginState): void {
  const { name, generation } = state;
  if (state.name === 'ready') {
    const { pid, network, address, protocolVersion, hashedBytesRun } = state.info;
    logger.info({ generation, pid, network, address, protocolVersion, hashedBytesRun }, 'plugin ready');
  } else if (state.name === 'failed') {
    const { code } = state.error as { code?: unknown };
    logger.error({ generation, code }, state.error.message);
  } else {
    logger.info({ generation }, `plugin ${name}`);
  }
}
