import { BrokerService } from '../../plugin-protocol/services.ts';
import type { ConnInfo, GRPCBrokerServer } from '../../proto/gen/plugin/grpc_broker.ts';
import type { Logger } from '../logging/logger.ts';

import type { OpenStreams } from './open-streams.ts';
import type { ServiceRegistration } from './service.ts';

/** As in the reference: an announcement that nobody dials is forgotten. */
const RETENTION_MS = 5_000;
const MAX_ANNOUNCEMENTS = 64;

export interface Broker {
  readonly registration: ServiceRegistration;
  /** Where the host said it serves this id, within the last five seconds. */
  announcement(id: number): ConnInfo | undefined;
}

/**
 * The broker stream is held for the whole life, since the host of plugin-sdk fails without it, and what the host
 * announces is read. This plugin dials none of it and offers nothing itself.
 */
export function createBroker(streams: OpenStreams, log: Logger, now: () => number = Date.now): Broker {
  const announcements = new Map<number, { info: ConnInfo; expiresAt: number }>();

  const forgetExpired = (): void => {
    for (const [id, { expiresAt }] of announcements) {
      if (expiresAt <= now()) announcements.delete(id);
    }
  };
  const keep = (info: ConnInfo): void => {
    forgetExpired();
    const kept = !announcements.has(info.serviceId) && announcements.size < MAX_ANNOUNCEMENTS;
    if (kept) announcements.set(info.serviceId, { info, expiresAt: now() + RETENTION_MS });
    log.debug({ service_id: info.serviceId, network: info.network, kept }, 'broker announcement from the host');
  };

  const implementation: GRPCBrokerServer = {
    startStream: (call) => {
      streams.hold(call);
      call.on('data', (info: ConnInfo) => {
        if (info.knock === undefined) keep(info);
        else if (!info.knock.ack) call.write(refusal(info.serviceId));
      });
      call.on('end', () => call.end());
    },
  };
  return {
    registration: { definition: BrokerService, implementation },
    announcement: (id) => {
      forgetExpired();
      return announcements.get(id)?.info;
    },
  };
}

/** A knock asks for a connection over the multiplexed main one, which the handshake line said we do not have. */
function refusal(serviceId: number): ConnInfo {
  const knock = { knock: true, ack: true, error: 'this plugin does not support gRPC broker multiplexing' };
  return { serviceId, network: '', address: '', knock };
}
