import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';

import { certificatePemFromDer, type OneTimeCertificate } from '../plugin-protocol/certificate.ts';
import { PluginHostError, systemErrorCode } from './errors.ts';

/** Calls are limited as by the servers that go-plugin brokers: requests of at most 4 MiB. */
const SERVER_OPTIONS = { 'grpc.enable_channelz': 0 };

/** Services on a socket of their own. */
export interface BrokeredServer {
  /** Ends the socket, its connections and their calls at once. Idempotent; resolves when nothing is left. */
  close(): Promise<void>;
}

/**
 * Serves on a new unix socket with mutual TLS: with the host's certificate, to the one client that has the plugin's. Takes
 * connections when the promise resolves; rejects with `ERR_SOCKET_DIRECTORY`.
 */
export async function startBrokeredServer(options: {
  readonly path: string;
  readonly own: OneTimeCertificate;
  readonly peerCertificateDer: Buffer;
  readonly services: readonly {
    readonly definition: ServiceDefinition;
    readonly implementation: UntypedServiceImplementation;
  }[];
}): Promise<BrokeredServer> {
  const { path, own, peerCertificateDer, services } = options;
  const server = new Server(SERVER_OPTIONS);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const pair = { private_key: Buffer.from(own.privateKeyPem), cert_chain: Buffer.from(own.certificatePem) };
  const trusted = Buffer.from(certificatePemFromDer(peerCertificateDer));
  const injector = server.createConnectionInjector(ServerCredentials.createSsl(trusted, [pair], true));

  // The socket is ours and not grpc-js's, whose shutdown would wait for a client that never says a word.
  const connections = new Set<Socket>();
  const listener = createServer((connection) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
    injector.injectConnection(connection);
  });
  try {
    await once(listener.listen(path), 'listening');
  } catch (error) {
    server.forceShutdown();
    throw new PluginHostError('ERR_SOCKET_DIRECTORY', `no socket at ${path}: ${systemErrorCode(error)}`, { path });
  }

  let closed: Promise<void> | undefined;
  return {
    close: () => (closed ??= close()),
  };

  async function close(): Promise<void> {
    const ended = once(listener, 'close');
    listener.close();
    for (const connection of connections) connection.destroy();
    server.forceShutdown();
    await ended;
  }
}
