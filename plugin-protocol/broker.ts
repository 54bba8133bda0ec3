import type { ConnInfo } from '../proto/gen/plugin/grpc_broker.ts';

/** Answers a knock, which asks for a connection over a multiplexed main one; neither of our ends has that. */
export function refuseKnock(serviceId: number, who: 'host' | 'plugin'): ConnInfo {
  const error = `this ${who} does not support gRPC broker multiplexing`;
  return { serviceId, network: '', address: '', knock: { knock: true, ack: true, error } };
}
