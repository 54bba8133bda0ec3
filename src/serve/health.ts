import { status } from '@grpc/grpc-js';

import { HEALTH_SERVICE_NAME, HealthService } from '../../plugin-protocol/services.ts';
import {
  HealthCheckResponse_ServingStatus as ServingStatus,
  type HealthServer,
} from '../../proto/gen/grpc/health/v1/health.ts';

import type { OpenStreams } from './open-streams.ts';
import type { ServiceRegistration } from './service.ts';

const KNOWN = new Set(['', HEALTH_SERVICE_NAME]);

/**
 * Health of the process. What OpenBao does must never show here: CMK ends itself when any plugin fails three checks in
 * a row.
 */
export function createHealth(streams: OpenStreams): { registration: ServiceRegistration; setNotServing(): void } {
  let current: ServingStatus = ServingStatus.SERVING;

  const implementation: HealthServer = {
    check: (call, callback) => {
      if (KNOWN.has(call.request.service)) callback(null, { status: current });
      else callback({ code: status.NOT_FOUND, details: 'unknown service' });
    },
    list: (_call, callback) => {
      callback(null, { statuses: new Map([...KNOWN].map((name) => [name, { status: current }])) });
    },
    watch: (call) => {
      const known = KNOWN.has(call.request.service);
      const tell = (): void => {
        call.write({ status: known ? current : ServingStatus.SERVICE_UNKNOWN });
      };
      tell();
      streams.hold(call, known ? tell : undefined);
    },
  };
  return {
    registration: { definition: HealthService, implementation },
    setNotServing: () => {
      current = ServingStatus.NOT_SERVING;
    },
  };
}
