import type { CallTarget } from './calls.ts';
import type { FailoverEvent } from './events.ts';

/** Watches who takes a plugin's calls, the plugin or its backup. */
export interface Failover {
  /** Whether it is the backup. */
  readonly active: boolean;
  stop(): void;
}

/** Tells when calls begin to go to the backup, and when they come back. */
export function createFailover(
  own: CallTarget,
  backup: CallTarget,
  tell: (name: 'failover' | 'failback', event: FailoverEvent) => void,
): Failover {
  const { logger } = own.plan;
  const { name } = backup.plan;
  let active = false;

  const look = (): void => {
    const { state, isDown } = own.lifecycle;
    const { generation } = state;
    if (active && !isDown) {
      active = false;
      if (state.name !== 'ready') return;
      logger.info({ generation, backup: name }, 'calls come back from the backup');
      tell('failback', { generation, backup: name });
    } else if (!active && isDown && backup.lifecycle.state.name === 'ready') {
      active = true;
      logger.warn({ generation, backup: name }, 'calls go to the backup');
      tell('failover', { generation, backup: name, ...('error' in state && { error: state.error }) });
    }
  };
  const stops = [own.lifecycle.onChange(look), backup.lifecycle.onChange(look)];
  return {
    get active() {
      return active;
    },
    stop() {
      for (const stop of stops) stop();
    },
  };
}
