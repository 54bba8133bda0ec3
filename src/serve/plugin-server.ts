import { Server, ServerCredentials } from '@grpc/grpc-js';

import type { OneTimeCertificate } from '../../plugin-protocol/certificate.ts';

import type { ServiceRegistration } from './service.ts';
import { within } from './within.ts';

/** How long running calls may go on after the stop, and how long they then have to answer that they were ended. */
const CALL_GRACE_MS = 700;
const LAST_WORD_MS = 100;

/**
 * The host sends up to 2 GiB and opens its streams only once, so there are no limits on size, idleness or age, and no
 * keepalive.
 */
const SERVER_OPTIONS = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.enable_channelz': 0,
};

export interface PluginServerOptions {
  readonly socketPath: string;
  /** The server's certificate, and that of the only client that is let in. Absent: whoever reaches the socket is. */
  readonly tls: { readonly certificate: OneTimeCertificate; readonly hostCertificatePem: string } | undefined;
  readonly registrations: readonly ServiceRegistration[];
  /** Called during `close` when calls are still running after their time of grace: ends them. */
  readonly endCalls: () => void;
}

export interface PluginServer {
  /**
   * Takes no more calls, lets the running ones finish, in the end drops them: at most 0.8 s in all. Streams that are
   * held open must have been ended before, or they use that time up.
   */
  close(): Promise<void>;
}

/** Serves on a unix socket. Connections are accepted when the promise resolves. */
export async function startPluginServer(options: PluginServerOptions): Promise<PluginServer> {
  const server = new Server(SERVER_OPTIONS);
  for (const { definition, implementation } of options.registrations) server.addService(definition, implementation);
  const target = `unix:${options.socketPath}`;
  await bind(server, target, options);
  let closed: Promise<void> | undefined;
  return { close: () => (closed ??= shutdown(server, target, options.endCalls)) };
}

function bind(server: Server, target: string, { tls }: PluginServerOptions): Promise<void> {
  const credentials = tls === undefined ? ServerCredentials.createInsecure() : mutualTls(tls);
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function mutualTls({ certificate, hostCertificatePem }: NonNullable<PluginServerOptions['tls']>): ServerCredentials {
  const pair = {
    private_key: Buffer.from(certificate.privateKeyPem),
    cert_chain: Buffer.from(certificate.certificatePem),
  };
  return ServerCredentials.createSsl(Buffer.from(hostCertificatePem), [pair], true);
}

async function shutdown(server: Server, target: string, endCalls: () => void): Promise<void> {
  // Drops what is left in the end. `forceShutdown` would drop nothing: without channelz grpc-js (1.14.7) keeps no list of
  // connections for it.
  server.drain(target, CALL_GRACE_MS + LAST_WORD_MS);
  const finished = new Promise<void>((resolve) => {
    server.tryShutdown(() => resolve());
  });
  if (await within(finished, CALL_GRACE_MS)) return;
  endCalls();
  await finished;
}
