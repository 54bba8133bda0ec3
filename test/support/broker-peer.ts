import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';

import { type ClientDuplexStream, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';

import { Broker } from '../../plugin-host/broker.ts';
import { Connection } from '../../plugin-host/connection.ts';
import { createOneTimeCertificate, type OneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import { BrokerService } from '../../plugin-protocol/services.ts';
import type { ConnInfo } from '../../proto/gen/plugin/grpc_broker.ts';
import { type TestRequest, type TestResponse, TestService } from '../fixtures/plugins/test-contract.ts';
import { type LogEntry, recordLog } from '../process/plugin-host/host-fixture.ts';
import { connectPlugin, type PluginConnection } from './plugin-connection.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A broker of the host, and the other end of its stream as the plugin has it. */
export interface BrokerStage extends AsyncDisposable {
  readonly broker: Broker;
  readonly own: OneTimeCertificate;
  readonly theirs: OneTimeCertificate;
  readonly log: LogEntry[];
  /** What the host said on the stream; waits for the next. */
  heard(): Promise<ConnInfo>;
  announce(info: Partial<ConnInfo>): void;
  /** The host's end of the stream. */
  readonly stream: ClientDuplexStream<ConnInfo, ConnInfo>;
  /** Ends the stream as a plugin without a broker would. */
  leave(): Promise<void>;
  /** Serves echo with a certificate; answers where. */
  serve(certificate?: OneTimeCertificate): Promise<string>;
  /** Takes connections and says nothing; answers where. */
  listenOnly(): Promise<string>;
  /** Connects to what the host serves, as the plugin unless told otherwise. */
  connect(socketPath: string, as?: OneTimeCertificate): PluginConnection;
}

export async function startBrokerStage({ brokerTimeoutMs = 10_000 } = {}): Promise<BrokerStage> {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const [own, theirs] = [createOneTimeCertificate(), createOneTimeCertificate()];
  const said: ConnInfo[] = [];
  let waiting: PromiseWithResolvers<undefined> | undefined;
  const opened = Promise.withResolvers<ServerDuplexStream<ConnInfo, ConnInfo>>();
  let sockets = 0;

  const startServer = async (certificate: OneTimeCertificate, add: (server: Server) => void): Promise<string> => {
    const server = new Server();
    add(server);
    const pair = {
      private_key: Buffer.from(certificate.privateKeyPem),
      cert_chain: Buffer.from(certificate.certificatePem),
    };
    const credentials = ServerCredentials.createSsl(Buffer.from(own.certificatePem), [pair], true);
    const path = join(folder.path, `plugin${(sockets += 1)}`);
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${path}`, credentials, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    resources.defer(() => server.forceShutdown());
    return path;
  };

  const main = await startServer(theirs, (server) =>
    server.addService(BrokerService, {
      startStream: (call: ServerDuplexStream<ConnInfo, ConnInfo>) => {
        opened.resolve(call);
        call.on('data', (info: ConnInfo) => {
          said.push(info);
          waiting?.resolve(undefined);
        });
        call.on('end', () => call.end());
      },
    }),
  );
  const connection = new Connection(
    'TEST',
    { network: 'unix', address: main, certificateDer: theirs.certificateDer },
    own,
  );
  resources.defer(() => connection.end(new Error('the test is over')));
  const { path, requestSerialize, responseDeserialize } = BrokerService.startStream;
  const stream = connection.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  stream.on('error', () => undefined);
  const log: LogEntry[] = [];
  const broker = resources.use(
    new Broker({
      plugin: 'TEST',
      generation: 3,
      own,
      directory: folder.path,
      limits: { brokerTimeoutMs, callTimeoutMs: 10_000 },
      logger: recordLog(log),
    }),
  );
  broker.attach({ stream, certificateDer: theirs.certificateDer });
  const peer = await opened.promise;

  const connections: PluginConnection[] = [];
  resources.defer(() => {
    for (const each of connections) each.disconnect();
  });
  return {
    broker,
    stream,
    own,
    theirs,
    log,
    async heard() {
      while (said.length === 0) {
        waiting = Promise.withResolvers();
        await waiting.promise;
      }
      return said.shift()!;
    },
    announce: (info) => peer.write({ serviceId: 7, network: 'unix', address: '/nowhere', knock: undefined, ...info }),
    async leave() {
      const ended = new Promise((resolve) => stream.once('end', resolve));
      peer.end();
      await ended;
    },
    serve: (certificate = theirs) =>
      startServer(certificate, (server) =>
        server.addService(TestService, {
          echo: ({ request }: { request: TestRequest }, callback: (error: null, value: TestResponse) => void) =>
            callback(null, { ...(request.text !== undefined && { text: request.text }) }),
          hang: () => undefined,
        }),
      ),
    async listenOnly() {
      const address = join(folder.path, `plugin${(sockets += 1)}`);
      const open: Socket[] = [];
      const server = createServer((socket) => open.push(socket.resume()));
      await new Promise<void>((resolve) => server.listen(address, resolve));
      resources.defer(() => {
        server.close();
        for (const socket of open) socket.destroy();
      });
      return address;
    },
    connect(socketPath, as = theirs) {
      const made = connectPlugin({ socketPath, certificatePem: own.certificatePem }, as);
      connections.push(made);
      return made;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
