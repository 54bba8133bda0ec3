import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Server, ServerCredentials } from '@grpc/grpc-js';
import { stringify } from 'yaml';

import { KeystoreInstanceKeyOperationService as SERVICE } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';
import type { Keystore } from '../../../src/keystore/keystore.ts';
import { openKeystore } from '../../../src/openbao/open-keystore.ts';
import { ActiveKeystore } from '../../../src/rpc/active-keystore.ts';
import { createKeyAdmission } from '../../../src/rpc/key-admission.ts';
import { type FakeOpenBao, startFakeOpenBao } from '../../support/fake-openbao.ts';
import { createAuthority } from '../../support/pki.ts';
import { connectPlugin, type PluginConnection } from '../../support/plugin-connection.ts';
import { type RecordedLog, recordLog } from '../../support/record-log.ts';

export const { extractKeyRegion, transformCryptoAccessData, validateKey, validateKeyAccessData } = SERVICE;

/** The four methods, served by a real gRPC server on a socket of its own, beside an OpenBao that tenants may name. */
export interface Stage extends Pick<PluginConnection, 'call' | 'refusal'>, AsyncDisposable {
  readonly fake: FakeOpenBao;
  readonly log: RecordedLog;
  /** The top level of a configuration, laid over one in which tenants may name the OpenBao. */
  configure(changes?: Record<string, unknown>): void;
}

export async function startStage(): Promise<Stage> {
  const fake = await startFakeOpenBao();
  const folder = await mkdtemp(join(tmpdir(), 'admission-'));
  const socketPath = join(folder, 'socket');
  const authority = await createAuthority();
  const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'plugin', usage: 'server' });
  const log = recordLog();
  const active = new ActiveKeystore<Keystore>();
  const environment = { log: log.log, stopSignal: new AbortController().signal };

  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(
    { extractKeyRegion, transformCryptoAccessData, validateKey, validateKeyAccessData },
    { ...createKeyAdmission(active, environment) },
  );
  const pair = { private_key: Buffer.from(privateKeyPem), cert_chain: Buffer.from(certificatePem) };
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createSsl(null, [pair]), (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  const { call, disconnect, refusal } = connectPlugin({ socketPath, certificatePem: authority.certificatePem });
  return {
    fake,
    log,
    call,
    refusal,
    configure(changes = {}) {
      const openbao = {
        allowedAddresses: [{ pattern: fake.address, ca: { value: fake.caPem }, privateAddresses: true }],
      };
      const yaml = stringify({ development: true, openbao, ...changes });
      active.replace(openKeystore(parseConfiguration(yaml, { type: 'KeystoreInstanceKeyOperation' }), log.log));
    },
    async [Symbol.asyncDispose]() {
      disconnect();
      server.forceShutdown();
      await active.close();
      await fake[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
