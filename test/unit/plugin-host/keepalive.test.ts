import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { type ClientOptions, connectivityState } from '@grpc/grpc-js';

import { Connection } from '../../../plugin-host/connection.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';

const AN_HOUR_MS = 3_600_000;

/** Pings that a server gets from an idle host in an hour. */
async function pings(options: ClientOptions): Promise<number> {
  const plugin = createOneTimeCertificate();
  const own = createOneTimeCertificate();
  const server = createSecureServer({
    key: plugin.privateKeyPem,
    cert: plugin.certificatePem,
    ca: own.certificatePem,
    requestCert: true,
  });
  const sessions: ServerHttp2Session[] = [];
  let count = 0;
  server.on('session', (session) => {
    sessions.push(session);
    session.on('ping', () => (count += 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { certificateDer } = plugin;
  const handshake = {
    appVersion: 1,
    network: 'tcp',
    address: `127.0.0.1:${port}`,
    protocol: 'grpc',
    certificateDer,
  } as const;
  const connection = new Connection('TEST', handshake, own, options);
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  try {
    const channel = connection.client.getChannel();
    channel.getConnectivityState(true);
    while (channel.getConnectivityState(false) !== connectivityState.READY) await new Promise(setImmediate);
    for (let minute = 0; minute < 60; minute += 1) {
      await jest.advanceTimersByTimeAsync(AN_HOUR_MS / 60);
      // For what is on its way through the sockets.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    }
  } finally {
    jest.useRealTimers();
    connection.end(new Error('over'));
    for (const session of sessions) session.destroy();
    server.close();
  }
  return count;
}

test('H36 an idle connection is not pinged: a Go plugin would end it with too_many_pings', async () => {
  expect(await pings({})).toBe(0);
  // So that the test can fail.
  expect(await pings({ 'grpc.keepalive_time_ms': 60_000, 'grpc.keepalive_permit_without_calls': 1 })).toBeGreaterThan(
    0,
  );
});
