import { type ServiceError, status } from '@grpc/grpc-js';

import { BrokerService, StdioService } from '../plugin-protocol/services.ts';
import type { StdioData } from '../proto/gen/plugin/grpc_stdio.ts';
import type { Broker } from './broker.ts';
import { type Connection, toConnectError } from './connection.ts';
import type { OutputSink } from './launch/plugin-process.ts';
import type { HostLogger, LogRelay } from './log-relay.ts';
import { unlessAborted } from './wait.ts';

/**
 * Opens the two streams that go-plugin's host opens once and holds for a connection's whole life, and waits for the
 * connection. What they bring is read for ever: a Go plugin whose stdio nobody reads blocks in its own print calls.
 *
 * Rejects with `ERR_CERTIFICATE_REFUSED`, `ERR_CONNECT` or the signal's reason.
 */
export async function openStreams(
  connection: Connection,
  {
    brokered,
    logger,
    relay,
    signal,
  }: {
    /** Who takes what is announced, and the certificate of the other end. Without it announcements are dropped. */
    brokered?: { readonly broker: Broker; readonly certificateDer: Buffer };
    logger: HostLogger;
    relay: LogRelay;
    signal: AbortSignal;
  },
): Promise<void> {
  const { client } = connection;
  const failed = Promise.withResolvers<never>();
  const onError = (name: string) => (error: ServiceError) => {
    if (connection.ended) return;
    if (!connection.connected) failed.reject(toConnectError(error.details));
    if (error.code === status.UNIMPLEMENTED) logger.debug({}, `plugin has no ${name} stream`);
    else logger.debug({ code: error.code, details: error.details }, `${name} stream ended`);
  };

  const { startStream } = BrokerService;
  const stream = client
    .makeBidiStreamRequest(startStream.path, startStream.requestSerialize, startStream.responseDeserialize)
    .on('error', onError('broker'));
  if (brokered) brokered.broker.attach({ stream, certificateDer: brokered.certificateDer });
  else stream.resume();

  const { streamStdio } = StdioService;
  const sinks: readonly (OutputSink | undefined)[] = [
    undefined,
    relay.sink('stdio stdout'),
    relay.sink('stdio stderr'),
  ];
  client
    .makeServerStreamRequest(streamStdio.path, streamStdio.requestSerialize, streamStdio.responseDeserialize, {})
    .on('data', ({ channel, data }: StdioData) => sinks[channel]?.write(data))
    .on('end', () => {
      for (const sink of sinks) sink?.end();
    })
    .on('error', onError('stdio'));

  const ready = Promise.withResolvers<undefined>();
  client.waitForReady(Infinity, (error) => {
    if (error) ready.reject(error);
    else ready.resolve(undefined);
  });
  await unlessAborted(Promise.race([ready.promise, failed.promise]), signal);
}
