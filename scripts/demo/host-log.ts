import type { HostLogger } from '../../plugin-host/index.ts';

/** A log of which only what should not be there is kept: a call that is refused, as the demo's are, is no fault. */
export function createHostLog(): HostLogger & { readonly faults: readonly string[] } {
  const faults: string[] = [];
  const ignore = (): void => undefined;
  const keep = (_fields: object, message: string): void => {
    if (message !== 'call') faults.push(message);
  };
  const logger = { faults, trace: ignore, debug: ignore, info: ignore, warn: keep, error: keep, child: () => logger };
  return logger;
}
