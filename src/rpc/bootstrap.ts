import { initServiceNames, type PluginType } from '../../keystore-contract/plugin-types.ts';
import type { BootstrapServer } from '../../proto/gen/service/init/v1/init.ts';
import type { ActiveKeystore, Ending } from './active-keystore.ts';
import { unary, type UnaryEnvironment } from './unary.ts';

const NO_BUDGET = (): number => Infinity;

/** `service.init.v1.Bootstrap`. Both calls are quick and may be repeated. */
export function createBootstrap(
  type: PluginType,
  keystore: ActiveKeystore<Ending>,
  environment: UnaryEnvironment,
): BootstrapServer {
  return {
    init: unary(environment, {
      rpc: 'Init',
      face: 'operations',
      budgetMs: NO_BUDGET,
      // Host services are announced and never used: no host serves any.
      handle: () => Promise.resolve({ pluginServiceNames: initServiceNames(type) }),
    }),
    deinit: unary(environment, {
      rpc: 'Deinit',
      face: 'operations',
      budgetMs: NO_BUDGET,
      handle: () => {
        // Calls may still be running, and CMK sends more after this one.
        keystore.quiesce();
        return Promise.resolve({});
      },
    }),
  };
}
