import type { Logger } from '../logging/logger.ts';

import { createBroker } from './broker.ts';
import { createController } from './controller.ts';
import { createHealth } from './health.ts';
import { OpenStreams } from './open-streams.ts';
import { createReflection } from './reflection.ts';
import type { ServiceRegistration } from './service.ts';
import { createStdio } from './stdio.ts';

export interface ProcessServices {
  readonly registrations: readonly ServiceRegistration[];
  /** First step of a stop: health says NOT_SERVING and every open stream is ended. */
  stop(): void;
}

/** The services of every go-plugin process. Reflection lists them together with those of the application. */
export function createProcessServices(options: {
  readonly application: readonly ServiceRegistration[];
  readonly log: Logger;
  readonly onShutdown: () => void;
}): ProcessServices {
  const { application, log, onShutdown } = options;
  const streams = new OpenStreams();
  const health = createHealth(streams);
  const served = [health.registration, createBroker(streams, log), createController(onShutdown), createStdio(streams)];
  const reflection = createReflection(
    [...application, ...served].map(({ definition }) => definition),
    streams,
  );
  return {
    registrations: [...served, ...reflection],
    stop: () => {
      health.setNotServing();
      streams.endAll();
    },
  };
}
