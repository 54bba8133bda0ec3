import { StdioService } from '../../plugin-protocol/services.ts';
import type { GRPCStdioServer } from '../../proto/gen/plugin/grpc_stdio.ts';

import type { OpenStreams } from './open-streams.ts';
import type { ServiceRegistration } from './service.ts';

/** The stream that copies a plugin's output to its host. Nothing here prints, so it stays open and silent. */
export function createStdio(streams: OpenStreams): ServiceRegistration {
  const implementation: GRPCStdioServer = { streamStdio: (call) => streams.hold(call) };
  return { definition: StdioService, implementation };
}
