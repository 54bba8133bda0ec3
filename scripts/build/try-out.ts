import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PLUGIN_PROTOCOL_VERSION, SERVICE_DEFINITIONS } from '../../keystore-contract/plugin-types.ts';
import { Connection } from '../../plugin-host/connection.ts';
import { acceptHandshake } from '../../plugin-host/handshake-reader.ts';
import { createOneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import { buildPluginEnvironment } from '../../plugin-protocol/environment.ts';

const TIMEOUT_MS = 60_000;

/** Nothing is connected to before the first call, and there is none. */
const CONFIGURATION = `
openbao: { addresses: ["https://127.0.0.1"] }
auth: { method: approle, roleId: nobody, secretId: { source: file, file: { path: /nowhere } } }
`;

/**
 * Starts a plugin program as a host does, with PATH and environment empty, sets it up, and asks it to end.
 *
 * @param options - the folder to run in; the signal that asks it to end
 * @returns what it logged
 * @throws Error with that text unless all goes well and it ends with code 0
 */
export async function tryOut(
  [file, ...args]: readonly [file: string, ...args: string[]],
  { folder, signal = 'SIGTERM' }: { folder: string; signal?: 'SIGTERM' | 'SIGUSR2' },
): Promise<string> {
  const type = 'KeystoreInstanceKeyOperation';
  const own = createOneTimeCertificate();
  const environment = buildPluginEnvironment({
    cookieKey: type,
    cookieValue: type,
    protocolVersions: [PLUGIN_PROTOCOL_VERSION],
    clientCertificatePem: own.certificatePem,
  });
  const child = spawn(file, args, {
    cwd: folder,
    env: { TMPDIR: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const closed = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;

  let wasSetUp = false;
  for await (const line of createInterface(child.stdout)) {
    const connection = new Connection(file, acceptHandshake(line, [PLUGIN_PROTOCOL_VERSION]), own);
    const deadline = Date.now() + TIMEOUT_MS;
    await connection.unary(SERVICE_DEFINITIONS.bootstrap.init, { hostServiceNames: [] }, { deadline });
    const request = { yamlConfiguration: CONFIGURATION };
    await connection.unary(SERVICE_DEFINITIONS.config.configure, request, { deadline });
    connection.end(new Error('tried out'));
    wasSetUp = true;
    child.kill(signal);
  }
  const [code, endedBy] = await closed;
  if (!wasSetUp || code !== 0) {
    throw new Error(`${file}: ${endedBy ?? `code ${String(code)}`}${wasSetUp ? '' : ', without a handshake'}\n${log}`);
  }
  return log;
}
