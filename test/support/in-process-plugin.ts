import type { PluginType } from '../../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import { BUILD_INFO } from '../../src/build-info.ts';
import { createKeystoreServices, type OpenKeystore } from '../../src/rpc/services.ts';
import { startPluginServer } from '../../src/serve/plugin-server.ts';
import { preparePluginSocket } from '../../src/serve/socket.ts';
import { connectPlugin, type PluginConnection } from './plugin-connection.ts';
import { recordLog } from './record-log.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A plugin of the sources that serves in this process, and what it has logged. */
export interface InProcessPlugin extends Pick<PluginConnection, 'call' | 'refusal'>, AsyncDisposable {
  logLines(): readonly string[];
}

/** Serves the sources in this process, behind TLS on a unix socket; not configured yet. */
export async function startInProcessPlugin(
  options: { readonly type?: PluginType; readonly openKeystore?: OpenKeystore } = {},
): Promise<InProcessPlugin> {
  const { openKeystore, type = 'KeystoreInstanceKeyOperation' } = options;
  const folder = await temporaryFolder();
  const recorded = recordLog();
  const stop = new AbortController();
  const services = createKeystoreServices({
    type,
    log: recorded.log,
    buildInfo: BUILD_INFO,
    stopSignal: stop.signal,
    ...(openKeystore && { openKeystore }),
  });
  const [own, certificate] = [createOneTimeCertificate(), createOneTimeCertificate()];
  const socket = preparePluginSocket({ temporaryDirectory: folder.path });
  const server = await startPluginServer({
    socketPath: socket.path,
    tls: { certificate, hostCertificatePem: own.certificatePem },
    registrations: services.registrations,
    endCalls: () => stop.abort(),
  });
  const { certificatePem } = certificate;
  const { call, refusal, disconnect } = connectPlugin({ socketPath: socket.path, certificatePem }, own);
  return {
    call,
    refusal,
    logLines: () => recorded.lines,
    async [Symbol.asyncDispose]() {
      disconnect();
      await server.close();
      await services.close();
      socket.remove();
      await folder[Symbol.asyncDispose]();
    },
  };
}
