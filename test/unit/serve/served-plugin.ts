import { join } from 'node:path';
import { createOneTimeCertificate, type OneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { createHclogReader, type HclogEntry } from '../../../plugin-protocol/hclog.ts';
import type { ConfigureRequest, ConfigServer } from '../../../proto/gen/service/common/config/v1/config.ts';
import { ConfigService } from '../../../proto/gen/service/common/config/v1/config.ts';
import { createLogger } from '../../../src/logging/logger.ts';
import { startPluginServer, type PluginServer } from '../../../src/serve/plugin-server.ts';
import { createProcessServices, type ProcessServices } from '../../../src/serve/process-services.ts';
import type { ServiceRegistration } from '../../../src/serve/service.ts';
import { assertHclogLine } from '../../support/hclog-line.ts';
import { connectPlugin, type PluginConnection } from '../../support/plugin-connection.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A logger whose lines are read as a host reads them. */
export function recordedLog() {
  const entries: HclogEntry[] = [];
  const { read } = createHclogReader();
  const log = createLogger({
    write: (line) => {
      assertHclogLine(line.slice(0, -1));
      entries.push(read(line));
    },
  });
  return { log, entries };
}

/** An application with one call, which answers what it was asked, when `until` has settled. */
export function echoService(until: (request: ConfigureRequest) => Promise<void> = () => Promise.resolve()) {
  const implementation: ConfigServer = {
    configure: ({ request }, callback) => {
      until(request).then(
        () => callback(null, { buildInfo: request.yamlConfiguration }),
        (error: unknown) => callback(error as Error),
      );
    },
  };
  return { definition: ConfigService, implementation } satisfies ServiceRegistration;
}

export interface ServedPlugin extends PluginConnection, AsyncDisposable {
  readonly socketPath: string;
  readonly certificate: OneTimeCertificate;
  readonly host: OneTimeCertificate;
  readonly server: PluginServer;
  readonly services: ProcessServices;
  readonly log: HclogEntry[];
}

/** The server of a plugin process in this process, on a socket of its own, with a host connected to it. */
export async function servePlugin(
  options: { application?: ServiceRegistration; onShutdown?: () => void; endCalls?: () => void } = {},
): Promise<ServedPlugin> {
  const { application = echoService(), onShutdown = () => undefined, endCalls = () => undefined } = options;
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const socketPath = join(folder.path, 'plugin1');
  const [certificate, host] = [createOneTimeCertificate(), createOneTimeCertificate()];
  const { log, entries } = recordedLog();
  const services = createProcessServices({ application: [application], log, onShutdown });
  const registrations = [application, ...services.registrations];
  const tls = { certificate, hostCertificatePem: host.certificatePem };
  const server = await startPluginServer({ socketPath, tls, registrations, endCalls });
  stack.defer(() => server.close());
  stack.defer(() => services.stop());
  const connection = connectPlugin({ socketPath, certificatePem: certificate.certificatePem }, host);
  stack.defer(() => connection.disconnect());
  return {
    ...connection,
    socketPath,
    certificate,
    host,
    server,
    services,
    log: entries,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
