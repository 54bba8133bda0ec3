import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';

import type { AcceptedHandshake } from '../../../plugin-host/handshake-reader.ts';
import { certificatePemFromDer, createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { HEALTH_SERVICE_NAME, HealthService } from '../../../plugin-protocol/services.ts';

const ANSWER_TIMEOUT_MS = 10_000;

/** Clients that must not be let in, by what they come with. */
const STRANGERS: Readonly<Record<string, (trusted: Buffer) => ChannelCredentials>> = {
  'no certificate': (trusted) => credentials.createSsl(trusted),
  'another certificate': (trusted) => {
    const { certificatePem, privateKeyPem } = createOneTimeCertificate();
    return credentials.createSsl(trusted, Buffer.from(privateKeyPem), Buffer.from(certificatePem));
  },
  'no TLS': () => credentials.createInsecure(),
};

/**
 * Tries each of them. Under TLS 1.3 a client that is refused still sees its handshake succeed, so each makes a call.
 *
 * @returns by what it came with, whether the stranger was refused
 */
export async function tryStrangers(handshake: AcceptedHandshake): Promise<ReadonlyMap<string, boolean>> {
  const trusted = Buffer.from(certificatePemFromDer(handshake.certificateDer));
  const target = handshake.network === 'unix' ? `unix:${handshake.address}` : `dns:${handshake.address}`;
  const tries = Object.entries(STRANGERS).map(
    async ([name, make]) => [name, await isRefused(target, make(trusted))] as const,
  );
  return new Map(await Promise.all(tries));
}

/** Whoever gets any answer, be it a refusal of the service, has come in. */
function isRefused(target: string, channel: ChannelCredentials): Promise<boolean> {
  const client = new Client(target, channel, {
    'grpc.ssl_target_name_override': 'localhost',
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const { path, requestSerialize, responseDeserialize } = HealthService.check;
  return new Promise((resolve) => {
    const done = (error: ServiceError | null): void => {
      client.close();
      resolve(error?.code === status.UNAVAILABLE);
    };
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service: HEALTH_SERVICE_NAME },
      new Metadata(),
      { deadline: Date.now() + ANSWER_TIMEOUT_MS },
      done,
    );
  });
}
