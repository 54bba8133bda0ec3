import { type Channel, channel } from 'node:diagnostics_channel';

import type { CallOutcome } from './call-statistics.ts';
import type { HealthResult } from './health.ts';
import type { SwapProgress } from './replacement.ts';
import type { PluginState } from './states.ts';

/** A process that ended without being told to, was ended for its health, or did not become ready. */
export interface CrashReport {
  readonly generation: number;
  readonly at: Date;
  /** Why, in words. */
  readonly error: Error;
  /** Of the process, when it ended by itself. */
  readonly exitCode?: number;
  readonly signal?: NodeJS.Signals;
  /** The end of what it wrote to stderr. */
  readonly lastStderr: readonly string[];
  /** For how long it had been ready, in ms; 0 when it never was. */
  readonly readyMs: number;
  /** Until the next start, in ms; undefined when there will be none. */
  readonly restartInMs?: number;
}

/** One health check. */
export interface HealthEvent extends HealthResult {
  readonly generation: number;
}

/** A step of a replacement; `generation` is the new one. */
export type SwapEvent = SwapProgress;

/** Calls go to the backup from now on, or come back. */
export interface FailoverEvent {
  /** Of the plugin itself: the one that fell, or the one that is ready again. */
  readonly generation: number;
  /** The backup's name. */
  readonly backup: string;
  /** Why, on the way there. */
  readonly error?: Error;
}

/** Events of a plugin's handle. Each comes after the change it tells of, never in the middle of it. */
export interface PluginEvents {
  /** The plugin moved on to this state. */
  state: [state: PluginState];
  crash: [crash: CrashReport];
  /** A health check failed, or succeeded again after that. */
  health: [health: HealthEvent];
  swap: [swap: SwapEvent];
  failover: [failover: FailoverEvent];
  failback: [failover: FailoverEvent];
}

/** One call that has ended. On its channel, `plugin` is whose process took it: the plugin itself, or its backup. */
export interface CallEvent {
  /** Undefined when no process took it. */
  readonly generation: number | undefined;
  /** `/package.Service/Method` */
  readonly method: string;
  readonly outcome: CallOutcome;
  /** From the call to its end, waiting included. */
  readonly ms: number;
  readonly error?: unknown;
}

/**
 * What each channel of `node:diagnostics_channel` carries, the name of the plugin added as `plugin`: `plugin-host:state`,
 * `plugin-host:call` and so on. Never a request or an answer.
 */
export interface PluginChannels {
  state: PluginState;
  crash: CrashReport;
  health: HealthEvent;
  swap: SwapEvent;
  failover: FailoverEvent;
  failback: FailoverEvent;
  call: CallEvent;
}

/** What each channel tells; docs/reference/events.md is made from it. */
export const CHANNEL_MEANINGS: Readonly<Record<keyof PluginChannels, string>> = {
  state: 'the plugin moved on to another state',
  crash: 'a process ended without being told to, was ended for its health, or did not become ready',
  health: 'a health check failed, or succeeded again after that',
  swap: 'a step of a replacement',
  failover: 'calls go to the backup from now on',
  failback: 'calls go to the plugin itself again',
  call: 'a call has ended: method, outcome, time',
};

const CHANNELS: Readonly<Record<keyof PluginChannels, Channel>> = {
  state: channel('plugin-host:state'),
  crash: channel('plugin-host:crash'),
  health: channel('plugin-host:health'),
  swap: channel('plugin-host:swap'),
  failover: channel('plugin-host:failover'),
  failback: channel('plugin-host:failback'),
  call: channel('plugin-host:call'),
};

/** Without a subscriber nothing is made. */
export function publish<Name extends keyof PluginChannels>(
  name: Name,
  plugin: string,
  message: () => PluginChannels[Name],
): void {
  const { [name]: subscribed } = CHANNELS;
  if (subscribed.hasSubscribers) subscribed.publish({ ...message(), plugin });
}
