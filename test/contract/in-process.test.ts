import { createOneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import { BUILD_INFO } from '../../src/build-info.ts';
import { createKeystoreServices } from '../../src/rpc/services.ts';
import { startPluginServer } from '../../src/serve/plugin-server.ts';
import { preparePluginSocket } from '../../src/serve/socket.ts';
import { connectPlugin } from '../support/plugin-connection.ts';
import { recordLog } from '../support/record-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { contractSuite } from './contract-suite.ts';
import type { Connect } from './stage.ts';

/** The services of the sources, in this process, behind TLS on a unix socket. */
const connectInProcess: Connect = async (type) => {
  const folder = await temporaryFolder();
  const recorded = recordLog();
  const stop = new AbortController();
  const services = createKeystoreServices({ type, log: recorded.log, buildInfo: BUILD_INFO, stopSignal: stop.signal });
  const [own, certificate] = [createOneTimeCertificate(), createOneTimeCertificate()];
  const socket = preparePluginSocket({ temporaryDirectory: folder.path });
  const server = await startPluginServer({
    socketPath: socket.path,
    hostCertificatePem: own.certificatePem,
    certificate,
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
};

contractSuite(connectInProcess);
