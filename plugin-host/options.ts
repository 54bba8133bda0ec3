import { tmpdir } from 'node:os';

import type { PluginContract } from './contract.ts';
import type { HostService } from './host-service.ts';
import type { PluginEnvironmentOptions } from './launch/environment.ts';
import {
  completeLimits,
  HEALTH_LIMITS,
  type HealthLimits,
  RESTART_LIMITS,
  type RestartLimits,
  TIME_LIMITS,
  type TimeLimits,
} from './limits.ts';
import { atLogLevel, type PluginLogLevel } from './log-filter.ts';
import type { HostLogger } from './log-relay.ts';
import { checkHostOptions, checkReplacement } from './options-check.ts';

/** How a plugin that ended is started again. */
export interface RestartOptions {
  /** Before the first restart; it doubles with each one, give or take 20 %. Default 250. */
  readonly minBackoffMs?: number;
  /** Default 30 000. */
  readonly maxBackoffMs?: number;
  /** A process that was ready for so long begins again at `minBackoffMs`. Default 60 000. */
  readonly stableAfterMs?: number;
  /** More restarts than these within `windowMs` are not made: the plugin is `failed`. Default 3; 0 restarts nothing. */
  readonly maxRestarts?: number;
  /** Default 300 000. */
  readonly windowMs?: number;
}

/** How a plugin that serves is asked for its health (`grpc.health.v1`, service `plugin`). */
export interface HealthOptions {
  /** From one check to the next. Default 30 000. */
  readonly intervalMs?: number;
  /** For the answer to one check. Default 5 000. */
  readonly timeoutMs?: number;
  /** So many failed checks in a row end the process, and it is started again. Default 3. */
  readonly failures?: number;
}

/** What one process of a plugin is made from. */
interface ProcessOptions {
  /** The executable, relative to the plugins directory or absolute; after symlinks it must lie inside. */
  readonly file: string;
  /** SHA-256 of the executable, 64 hex digits. */
  readonly sha256: string;
  readonly args?: readonly string[];
  /** Handed to the `Configure` of every process as it is. Default empty. */
  readonly configuration?: string;
  /** The plugin's environment; default nothing but go-plugin's own variables. */
  readonly environment?: PluginEnvironmentOptions;
  /** From the start of the process to the connection. Default 60 000, as in go-plugin. */
  readonly startTimeoutMs?: number;
  /** Default 30 000, at most 600 000. */
  readonly initTimeoutMs?: number;
  /** Default 30 000, at most 600 000. */
  readonly configureTimeoutMs?: number;
}

/** One plugin of a host. */
export interface PluginOptions<Contract extends PluginContract = PluginContract> extends ProcessOptions {
  readonly contract: Contract;
  readonly restart?: RestartOptions;
  readonly health?: HealthOptions;
  /**
   * What the host serves to the plugin, as plugin-sdk does it: on broker id 1, anew to every process of the plugin, and
   * with the names in the `host_service_names` of its `Init`. Made by `hostService`. Default none.
   */
  readonly hostServices?: readonly HostService[];
  /**
   * The name of another plugin of the host, with the same contract and without a backup of its own. It runs all the time,
   * and takes the calls while this one is in `backoff` or `failed`, until this one is ready again.
   */
  readonly backup?: string;
  /** The least level that is logged of it, the host's own lines about it included. Default `trace`: the logger decides. */
  readonly logLevel?: PluginLogLevel;
  /** Whether calls wait, within their time, for a plugin that is starting or in back-off. Default true. */
  readonly waitForReady?: boolean;
  /** For the probe of `replace`, its health check included. Default 10 000. */
  readonly probeTimeoutMs?: number;
  /** For calls that bring no time of their own. Default 10 000. */
  readonly callTimeoutMs?: number;
  /** How long `close` and `replace` wait for calls in flight. Default 10 000. */
  readonly drainTimeoutMs?: number;
  /** Default 10 000, at most 60 000. */
  readonly deinitTimeoutMs?: number;
  /** For the answer to `Shutdown`; after it the process has 2 s to end. Default 2 000. */
  readonly shutdownTimeoutMs?: number;
  /** For the announcement of a brokered id that is dialled, and then for the connection. Default 5 000, as in go-plugin. */
  readonly brokerTimeoutMs?: number;
}

/** What `replace` changes; the rest stays as it is. A `file` comes with its `sha256`. */
export type ReplacementOptions = Partial<ProcessOptions>;

/** Plugins by the names the host gives them. */
export type PluginTable = Readonly<Record<string, PluginOptions>>;

/** What `startPluginHost` takes. */
export interface PluginHostOptions<Plugins extends PluginTable = PluginTable> {
  /** The plugins directory. It and what leads from it to an executable belong to root or this user, who alone can write. */
  readonly directory: string;
  readonly plugins: Plugins;
  /** Where the host and its plugins log; each entry has the plugin's name in `plugin`. */
  readonly logger: HostLogger;
  /** Closes the host when it aborts. */
  readonly signal?: AbortSignal;
  /** Where the directories for sockets are made. Default the system's temporary directory. */
  readonly socketDirectory?: string;
}

/** The options of one plugin, complete. */
export interface PluginPlan extends TimeLimits {
  readonly name: string;
  readonly logger: HostLogger;
  readonly directory: string;
  readonly socketDirectory: string;
  readonly contract: PluginContract;
  readonly protocolVersions: readonly number[];
  readonly file: string;
  readonly sha256: string;
  readonly args: readonly string[];
  readonly configuration: string;
  readonly environment: PluginEnvironmentOptions;
  readonly restart: RestartLimits;
  readonly health: HealthLimits;
  readonly hostServices: readonly HostService[];
  readonly backup: string | undefined;
  readonly waitForReady: boolean;
}

/** The complete options of every plugin. Throws one `ERR_OPTIONS` that lists every problem. */
export function validateHostOptions(options: PluginHostOptions): readonly PluginPlan[] {
  checkHostOptions(options);
  const { directory, logger, plugins, socketDirectory = tmpdir() } = options;
  return Object.entries(plugins).map(([name, entry]) =>
    Object.freeze({
      ...completeLimits(TIME_LIMITS, entry),
      name,
      logger: atLogLevel(logger.child({ plugin: name }), entry.logLevel ?? 'trace'),
      directory,
      socketDirectory,
      contract: entry.contract,
      protocolVersions: [...(entry.contract.protocolVersions ?? [1])],
      file: entry.file,
      sha256: entry.sha256,
      args: [...(entry.args ?? [])],
      configuration: entry.configuration ?? '',
      environment: copyOf(entry.environment),
      restart: completeLimits(RESTART_LIMITS, entry.restart),
      health: completeLimits(HEALTH_LIMITS, entry.health),
      hostServices: [...(entry.hostServices ?? [])],
      backup: entry.backup,
      waitForReady: entry.waitForReady ?? true,
    }),
  );
}

/** The plan with its changes. Throws one `ERR_OPTIONS` that lists every problem. */
export function replacePlan(plan: PluginPlan, changes: ReplacementOptions): PluginPlan {
  checkReplacement(plan.name, plan.contract.type, changes);
  const entries = Object.entries(changes as Record<string, unknown>);
  const given = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  return Object.freeze({
    ...plan,
    ...(given as Partial<PluginPlan>),
    ...(changes.args && { args: [...changes.args] }),
    ...(changes.environment && { environment: copyOf(changes.environment) }),
  });
}

function copyOf({ pass = [], set }: PluginEnvironmentOptions = {}): PluginEnvironmentOptions {
  return { pass: [...pass], set: { ...set } };
}
