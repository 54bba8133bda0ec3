import { refuseKnock } from '../../plugin-protocol/broker.ts';
import { BrokerService } from '../../plugin-protocol/services.ts';
import type { ConnInfo, GRPCBrokerServer } from '../../proto/gen/plugin/grpc_broker.ts';
import type { Logger } from '../logging/logger.ts';

import type { OpenStreams } from './open-streams.ts';
import type { ServiceRegistration } from './service.ts';

/**
 * The broker stream is held for the whole life, since the host of plugin-sdk fails without it, and what the host
 * announces is read and dropped: this plugin dials none of it and offers nothing itself.
 */
export function createBroker(streams: OpenStreams, log: Logger): ServiceRegistration {
  const implementation: GRPCBrokerServer = {
    startStream: (call) => {
      streams.hold(call);
      call.on('data', ({ knock, network, serviceId }: ConnInfo) => {
        if (knock === undefined) log.debug({ service_id: serviceId, network }, 'broker announcement from the host');
        else if (!knock.ack) call.write(refuseKnock(serviceId, 'plugin'));
      });
      call.on('end', () => call.end());
    },
  };
  return { definition: BrokerService, implementation };
}
