export type { CallOptions, PluginClient, PluginContract, ServiceClient, ServiceContract } from './contract.ts';
export {
  type OptionProblem,
  PluginCallError,
  PluginHostError,
  type PluginHostErrorCode,
  type PluginHostErrorDetails,
} from './errors.ts';
export type { CloseOptions, PluginInfo } from './generation.ts';
export type { PluginEnvironmentOptions } from './launch/environment.ts';
export type { PluginState } from './lifecycle.ts';
export type { HostLogger } from './log-relay.ts';
export type { PluginHostOptions, PluginOptions, PluginTable } from './options.ts';
export type { PluginEvents, PluginHandle } from './plugin-handle.ts';
export { type PluginHost, startPluginHost } from './plugin-host.ts';
