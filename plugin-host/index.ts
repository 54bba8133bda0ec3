export type { AcceptedServices, AcceptOptions, DialledServices, DialOptions } from './broker.ts';
export type { CallOutcome, CallStatus } from './call-statistics.ts';
export type {
  CallOptions,
  GeneratedService,
  PluginClient,
  PluginContract,
  ServiceClient,
  ServiceContract,
} from './contract.ts';
export {
  type OptionProblem,
  PluginCallError,
  PluginHostError,
  type PluginHostErrorCode,
  type PluginHostErrorDetails,
  type StartStep,
} from './errors.ts';
export type {
  CallEvent,
  CrashReport,
  FailoverEvent,
  HealthEvent,
  PluginChannels,
  PluginEvents,
  SwapEvent,
} from './events.ts';
export type { CloseOptions, PluginInfo } from './generation.ts';
export { type HostCall, type HostService, hostService, type ServiceHandlers } from './host-service.ts';
export type { PluginEnvironmentOptions } from './launch/environment.ts';
export { runAsReaper } from './launch/reaper.ts';
export { type FollowOptions, followPluginList } from './list/follow.ts';
export {
  listedPlugin,
  type ListedPlugin,
  loadPluginList,
  type PluginList,
  type PluginListOptions,
  readPluginList,
} from './list/plugin-list.ts';
export type { PluginLogLevel } from './log-filter.ts';
export type { HostLogger } from './log-relay.ts';
export type {
  HealthOptions,
  PluginHostOptions,
  PluginOptions,
  PluginTable,
  ReplacementOptions,
  RestartOptions,
} from './options.ts';
export type { PluginGeneration, PluginHandle, Probe, ProbeContext, ReplaceOptions } from './plugin-handle.ts';
export { type PluginHost, startPluginHost } from './plugin-host.ts';
export type { SwapStep } from './replacement.ts';
export type { PluginState } from './states.ts';
export type { PluginStatus } from './status.ts';
