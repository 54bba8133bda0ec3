import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { SERVICE_NAMES } from '../../keystore-contract/plugin-types.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../support/go.ts';
import { startPlugin, type ServingPlugin } from '../support/plugin-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const BUILD_MS = 600_000;
// grpcurl waits for the end of its reflection stream; one that hangs is killed, which rejects with `killed`.
const limits = { timeout: 20_000 };

describeWithGo('R-PROC-31 grpcurl reads a running plugin through reflection', () => {
  let programs: GoPrograms;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let plugin: ServingPlugin;
  let trust: readonly string[];
  let identity: readonly string[];

  beforeAll(async () => {
    programs = buildGoPrograms();
    folder = await temporaryFolder();
    plugin = await startPlugin();
    const file = async (name: string, text: string): Promise<string> => {
      const path = join(folder.path, name);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    };
    trust = ['-cacert', await file('plugin.pem', plugin.certificatePem), '-authority', 'localhost'];
    identity = [
      ['-cert', await file('own.pem', plugin.own.certificatePem)],
      ['-key', await file('own.key', plugin.own.privateKeyPem)],
    ].flat();
  }, BUILD_MS);

  afterAll(async () => {
    await plugin.stop();
    await folder[Symbol.asyncDispose]();
  });

  const grpcurl = async (options: readonly string[], ...command: readonly string[]): Promise<string> => {
    const target = `unix://${plugin.socketPath}`;
    const { stdout } = await run(programs.grpcurl, [...trust, ...identity, ...options, target, ...command], limits);
    return stdout;
  };

  test('list names every registered service', async () => {
    const services = (await grpcurl([], 'list')).trim().split('\n');
    expect(services).toEqual(
      [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'plugin.GRPCBroker',
        'plugin.GRPCController',
        'plugin.GRPCStdio',
        SERVICE_NAMES.cryptoOperation,
        SERVICE_NAMES.keyOperation,
        SERVICE_NAMES.config,
        SERVICE_NAMES.bootstrap,
      ].sort(),
    );
  });

  test.each([
    [SERVICE_NAMES.keyOperation, 'rpc GetKeyVersions ( .plugin.keystore.operations.v1.GetKeyVersionsRequest )'],
    [SERVICE_NAMES.cryptoOperation, 'rpc Rewrap ( .plugin.keystore.crypto.v1.RewrapRequest )'],
    ['grpc.health.v1.Health', 'rpc Watch ( .grpc.health.v1.HealthCheckRequest )'],
    ['plugin.GRPCBroker', 'rpc StartStream ( stream .plugin.ConnInfo )'],
  ])('describe shows %s', async (service, line) => {
    expect(await grpcurl([], 'describe', service)).toContain(line);
  });

  test('describe shows a message with numbers and imported types', async () => {
    const text = await grpcurl([], 'describe', 'plugin.keystore.operations.v1.GetKeyResponse');
    expect(text).toContain('.google.protobuf.Timestamp latest_rotation_time = 6');
  });

  test('an unknown name is told to be unknown', async () => {
    await expect(grpcurl([], 'describe', 'plugin.keystore.operations.v1.Nothing')).rejects.toMatchObject({
      killed: false,
      stderr: expect.stringMatching(/not found/i) as string,
    });
  });

  test('a call needs no descriptors of the caller’s own', async () => {
    const answer = await grpcurl(['-d', '{"service":"plugin"}'], 'grpc.health.v1.Health/Check');
    expect(JSON.parse(answer)).toEqual({ status: 'SERVING' });
  });

  test('P18 R-PROC-07 a client without the certificate is turned away', async () => {
    const target = `unix://${plugin.socketPath}`;
    const refused = { killed: false, code: 1, stderr: expect.stringMatching(/certificate required/) as string };
    await expect(run(programs.grpcurl, [...trust, target, 'list'], limits)).rejects.toMatchObject(refused);
  });
});
