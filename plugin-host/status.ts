import type { CallStatus } from './call-statistics.ts';
import type { CrashReport, HealthEvent } from './events.ts';
import type { PluginInfo } from './generation.ts';
import type { PluginState } from './states.ts';

/** How one plugin is doing. A copy: it does not change with the plugin. */
export interface PluginStatus {
  readonly state: PluginState['name'];
  readonly generation: number;
  /** Why it is in `backoff` or `failed`. */
  readonly reason?: string;
  /** The process that serves. */
  readonly info?: PluginInfo;
  /** For how long that process has been ready, in ms; 0 when none is. */
  readonly uptimeMs: number;
  /** Since the host was started: starts that followed a fall. */
  readonly restarts: number;
  /** Since the host was started: replacements that took over. */
  readonly swaps: number;
  /** Whether calls go to the backup. */
  readonly failedOver: boolean;
  /** The last health check of the process that serves, with its time; undefined before the first one. */
  readonly health?: HealthEvent & { readonly at: Date };
  readonly calls: CallStatus;
  /** The last fall, however long ago. */
  readonly lastCrash?: CrashReport;
}
