import { ControllerService } from '../../plugin-protocol/services.ts';
import type { GRPCControllerServer } from '../../proto/gen/plugin/grpc_controller.ts';

import type { ServiceRegistration } from './service.ts';

/** `Shutdown` is answered first and acted on afterwards: the reference host waits for the answer without a deadline. */
export function createController(onShutdown: () => void): ServiceRegistration {
  const implementation: GRPCControllerServer = {
    shutdown: (_call, callback) => {
      callback(null, {});
      setImmediate(onShutdown);
    },
  };
  return { definition: ControllerService, implementation };
}
