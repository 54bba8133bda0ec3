import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { status } from '@grpc/grpc-js';

import { SERVICE_DEFINITIONS } from '../../../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { parseHandshakeLine } from '../../../plugin-protocol/handshake.ts';
import { ControllerService, HealthService } from '../../../plugin-protocol/services.ts';
import { GetKeyRequest } from '../../../proto/gen/plugin/keystore/operations/v1/operations.ts';
import { checkedJson } from '../../support/command-schema.ts';
import { connectPlugin, connectSocket } from '../../support/plugin-connection.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { runTool, startTool, type RunningTool } from '../../support/tool.ts';

const CONFIGURATION = 'openbao: { allowedAddresses: [{ pattern: "https://bao.example.com" }] }\n';
const HEALTHY = { status: 1 };

interface Serving {
  readonly handshake: string;
  readonly socket: string;
  readonly configured: boolean;
  readonly pid: number;
  readonly tls?: { readonly certificate: string; readonly clientCertificate: string; readonly clientKey: string };
  readonly reattach?: { readonly Addr: { readonly String: string } };
}

/** The result, once it is there as a whole. */
async function serving(tool: RunningTool): Promise<Serving> {
  await tool.wrote('stdout', /^\}$/m);
  return checkedJson<Serving>('serve', tool.output.stdout);
}

async function clientOf({ socket, tls }: Serving) {
  const [certificatePem, own, key] = await Promise.all(
    [tls!.certificate, tls!.clientCertificate, tls!.clientKey].map((path) => readFile(path, 'utf8')),
  );
  return connectPlugin(
    { socketPath: socket, certificatePem: certificatePem! },
    { certificatePem: own!, privateKeyPem: key! },
  );
}

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe('R-CMD-13 serve --tls-dir', () => {
  test('lets the client in that it writes the files for, and nobody else; Ctrl-C leaves nothing', async () => {
    await using folder = await temporaryFolder();
    await using tool = await startTool(['serve', '--tls-dir', 'tls', '--output', 'json'], { cwd: folder.path });
    const found = await serving(tool);
    expect(found).toMatchObject({ configured: false, pid: tool.pid });
    expect(parseHandshakeLine(found.handshake).address).toBe(found.socket);
    expect(await modeOf(join(folder.path, 'tls'))).toBe('700');
    for (const path of Object.values(found.tls!)) expect([path, await modeOf(path)]).toEqual([path, '600']);

    const client = await clientOf(found);
    expect(await client.call(HealthService.check, { service: 'plugin' })).toEqual(HEALTHY);
    const certificatePem = await readFile(found.tls!.certificate, 'utf8');
    const place = { socketPath: found.socket, certificatePem };
    for (const stranger of [connectPlugin(place), connectPlugin(place, createOneTimeCertificate())]) {
      const refusal = await stranger.refusal(HealthService.check, { service: 'plugin' });
      expect(refusal.code).toBe(status.UNAVAILABLE);
      stranger.disconnect();
    }
    client.disconnect();
    tool.child.kill('SIGINT');
    expect(await tool.ended).toMatchObject({ code: 0, signal: null });
    expect(await readdir(folder.path)).toEqual([]);
  });

  test('with --config is configured, and a call gets past that', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'plugin.yaml'), CONFIGURATION);
    const args = ['serve', '--tls-dir', 'tls', '--config', 'plugin.yaml', '--output', 'json'];
    await using tool = await startTool(args, { cwd: folder.path });
    const found = await serving(tool);
    expect(found.configured).toBe(true);
    const client = await clientOf(found);
    const request = GetKeyRequest.create({ parameters: { keyId: 'l1' } });
    const { code } = await client.refusal(SERVICE_DEFINITIONS.keyOperation.getKey, request);
    expect(code).toBe(status.INVALID_ARGUMENT);
    client.disconnect();
    tool.child.kill('SIGTERM');
    expect(await tool.ended).toMatchObject({ code: 0 });
    expect(await readdir(folder.path)).toEqual(['plugin.yaml']);
  });

  test('overwrites nothing', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'tls'));
    await writeFile(join(folder.path, 'tls/client.pem'), 'mine');
    const { code, stderr, stdout } = await runTool(['serve', '--tls-dir', 'tls'], { cwd: folder.path });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/tls\/client\.pem cannot be written \(EEXIST\)/);
    expect(await readdir(join(folder.path, 'tls'))).toEqual(['client.pem']);
  });

  test('as text prints the handshake line first, and how to call it', async () => {
    await using folder = await temporaryFolder();
    await using tool = await startTool(['serve', '--tls-dir', 'tls'], { cwd: folder.path });
    await tool.wrote('stdout', / list\n/);
    const [line = '', , call = ''] = tool.output.stdout.split('\n');
    const { address } = parseHandshakeLine(line);
    const tls = join(folder.path, 'tls');
    expect(call).toBe(
      `grpcurl -cacert ${tls}/plugin.pem -cert ${tls}/client.pem -key ${tls}/client-key.pem -authority localhost -unix ${address} list`,
    );
    tool.child.kill('SIGINT');
    expect(await tool.ended).toMatchObject({ code: 0 });
  });
});

describe('R-CMD-24 serve --no-tls', () => {
  test('prints what a host of go-plugin attaches with, on a socket for the owner alone', async () => {
    await using tool = await startTool(['serve', '--no-tls', '--type', 'KeystoreProvider']);
    await tool.wrote('stdout', /\n/);
    const reattach = JSON.parse(tool.output.stdout) as NonNullable<Serving['reattach']>;
    const path = reattach.Addr.String;
    const Addr = { Network: 'unix', String: path };
    expect(reattach).toEqual({ Protocol: 'grpc', ProtocolVersion: 1, Pid: tool.pid, Test: true, Addr });
    expect([await modeOf(path), await modeOf(join(path, '..'))]).toEqual(['600', '700']);
    const client = connectSocket(path);
    expect(await client.call(HealthService.check, { service: 'plugin' })).toEqual(HEALTHY);
    // As such a host does at the end.
    await client.call(ControllerService.shutdown, {});
    expect(await tool.ended).toMatchObject({ code: 0, signal: null });
    client.disconnect();
  });

  test('has the same as JSON', async () => {
    await using tool = await startTool(['serve', '--no-tls', '--output', 'json']);
    const found = await serving(tool);
    expect(found.reattach?.Addr.String).toBe(found.socket);
    expect(found.tls).toBeUndefined();
    tool.child.kill('SIGHUP');
    expect(await tool.ended).toMatchObject({ code: 0 });
  });
});

test('R-CMD-13 a host’s certificate in the environment is the one let in', async () => {
  const own = createOneTimeCertificate();
  const variables = { PLUGIN_CLIENT_CERT: own.certificatePem };
  await using tool = await startTool(['serve', '--output', 'json'], { variables });
  const found = await serving(tool);
  const { certificateDer } = parseHandshakeLine(found.handshake);
  const certificatePem = `-----BEGIN CERTIFICATE-----\n${certificateDer!.toString('base64')}\n-----END CERTIFICATE-----\n`;
  const client = connectPlugin({ socketPath: found.socket, certificatePem }, own);
  expect(await client.call(HealthService.check, { service: 'plugin' })).toEqual(HEALTHY);
  client.disconnect();
  tool.child.kill('SIGINT');
  expect(await tool.ended).toMatchObject({ code: 0 });
});

test('R-CMD-09 a socket that cannot be made ends serve, with a reason in the log', async () => {
  const variables = { PLUGIN_UNIX_SOCKET_DIR: '/nonexistent' };
  const { code, stderr, stdout } = await runTool(['serve', '--no-tls'], { variables });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/plugin init error[^]*error: the plugin does not start; its log tells why\n$/);
});
