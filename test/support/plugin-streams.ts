import { Metadata, type ClientDuplexStream, type ClientReadableStream } from '@grpc/grpc-js';

import { BrokerService, StdioService } from '../../plugin-protocol/services.ts';
import type { ConnInfo } from '../../proto/gen/plugin/grpc_broker.ts';
import type { StdioData } from '../../proto/gen/plugin/grpc_stdio.ts';
import type { PluginConnection } from './plugin-connection.ts';

/** The two streams that a go-plugin host opens when it connects, and holds. */
export interface HostStreams {
  readonly broker: ClientDuplexStream<ConnInfo, ConnInfo>;
  readonly stdio: ClientReadableStream<StdioData>;
  /** What came in, and which streams have ended, in order. */
  readonly events: readonly string[];
  /** Both streams are over, in whatever way. */
  readonly ended: Promise<void>;
  cancel(): void;
}

/** Opens both. */
export function openStreams({ client }: PluginConnection): HostStreams {
  const { startStream } = BrokerService;
  const { streamStdio } = StdioService;
  const broker = client.makeBidiStreamRequest(
    startStream.path,
    startStream.requestSerialize,
    startStream.responseDeserialize,
    new Metadata(),
  );
  const stdio = client.makeServerStreamRequest(
    streamStdio.path,
    streamStdio.requestSerialize,
    streamStdio.responseDeserialize,
    {},
    new Metadata(),
  );
  const events: string[] = [];
  const ends = Object.entries({ broker, stdio }).map(([name, stream]) => {
    stream.on('data', () => events.push(`${name} data`));
    stream.on('error', () => undefined); // the status says it
    return new Promise<void>((resolve) => {
      stream.on('status', ({ code }: { code: number }) => {
        events.push(`${name} ended with ${code}`);
        resolve();
      });
    });
  });
  return {
    broker,
    stdio,
    events,
    ended: Promise.all(ends).then(() => undefined),
    cancel: () => {
      broker.cancel();
      stdio.cancel();
    },
  };
}
