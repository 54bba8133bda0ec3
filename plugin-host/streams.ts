import { type ServiceError, status } from '@grpc/grpc-js';

import { BrokerService, StdioService } from '../plugin-protocol/services.ts';
import type { ConnInfo } from '../proto/gen/plugin/grpc_broker.ts';
import type { StdioData } from '../proto/gen/plugin/grpc_stdio.ts';
import type { Connection } from './connection.ts';
import { PluginHostError } from './errors.ts';
import type { HostLogger, LogRelay, LogSink } from './log-relay.ts';
import { unlessAborted } from './wait.ts';

/**
 * Opens the two streams that go-plugin's host opens once and holds for a connection's whole life, and waits for the
 * connection. What they bring is read for ever: a Go plugin whose stdio nobody reads blocks in its own print calls.
 *
 * Rejects with `ERR_CERTIFICATE_REFUSED`, `ERR_CONNECT` or the signal's reason.
 */
export async function openStreams(
  connection: Connection,
  { logger, relay, signal }: { logger: HostLogger; relay: LogRelay; signal: AbortSignal },
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
  client
    .makeBidiStreamRequest(startStream.path, startStream.requestSerialize, startStream.responseDeserialize)
    .on('data', ({ serviceId, network }: ConnInfo) =>
      logger.debug({ serviceId, network }, 'plugin offers a brokered service'),
    )
    .on('error', onError('broker'));

  const { streamStdio } = StdioService;
  const sinks: readonly (LogSink | undefined)[] = [undefined, relay.sink('stdio stdout'), relay.sink('stdio stderr')];
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

/** grpc-js tells why a connection failed in words only. */
function toConnectError(details: string): PluginHostError {
  const reason = /Last error: (?:Error: )?([^\n]*?)\.?\s*(?:Resolution note:|$)/.exec(details)?.[1] ?? details;
  const shown = reason.slice(0, 200);
  return /certificate|altnames/i.test(shown)
    ? new PluginHostError('ERR_CERTIFICATE_REFUSED', `the plugin does not serve with what it announced: ${shown}`)
    : new PluginHostError('ERR_CONNECT', `no connection to the address the plugin announced: ${shown}`);
}
