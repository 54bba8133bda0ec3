import type { HostLogger } from './log-relay.ts';
import type { SwapProgress } from './replacement.ts';
import type { PluginState } from './states.ts';

export function logState(logger: HostLogger, state: PluginState): void {
  const { name, generation } = state;
  if (state.name === 'ready') {
    const { pid, network, address, protocolVersion, hashedBytesRun } = state.info;
    logger.info({ generation, pid, network, address, protocolVersion, hashedBytesRun }, 'plugin ready');
  } else if ('error' in state) {
    const { code } = state.error as { code?: unknown };
    const delay = state.name === 'backoff' && { restartInMs: state.delayMs };
    logger.error({ generation, code, ...delay }, state.error.message);
  } else {
    logger.info({ generation }, `plugin ${name}`);
  }
}

export function logSwap(logger: HostLogger, { step, generation, previous, error }: SwapProgress): void {
  if (error) logger.error({ generation, previous }, error.message);
  else logger.info({ generation, previous }, `plugin replacement ${step}`);
}
