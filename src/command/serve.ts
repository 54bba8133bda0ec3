import { pid } from 'node:process';

import { Client, credentials } from '@grpc/grpc-js';
import { z } from 'zod';

import { PLUGIN_PROTOCOL_VERSION, PLUGIN_TYPES, type PluginType } from '../../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate, type OneTimeCertificate } from '../../plugin-protocol/certificate.ts';
import { buildPluginEnvironment, type EnvironmentVariables } from '../../plugin-protocol/environment.ts';
import { ConfigService } from '../../proto/gen/service/common/config/v1/config.ts';
import { createLogger } from '../logging/logger.ts';
import { createKeystoreServices } from '../rpc/services.ts';
import { type ProcessEffects, runPlugin, type Standalone } from '../run-plugin.ts';
import { CommandError } from './command-error.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { requireConfiguration } from './configuration-file.ts';
import { EXIT } from './exit-codes.ts';
import { openTlsDirectory, type TlsDirectory } from './tls-directory.ts';

const CONFIGURE_TIMEOUT_MS = 10_000;
const CLIENT_CERT = 'PLUGIN_CLIENT_CERT';

const result = z.strictObject({
  type: z.enum(Object.keys(PLUGIN_TYPES)),
  pid: z.int(),
  socket: z.string().describe('Path of the socket.'),
  handshake: z.string().describe('The line that a host would read.'),
  configured: z.boolean(),
  tls: z
    .strictObject({ certificate: z.string(), clientCertificate: z.string(), clientKey: z.string() })
    .optional()
    .describe('Files for a client; with --tls-dir only.'),
  reattach: z
    .strictObject({
      Protocol: z.literal('grpc'),
      ProtocolVersion: z.int(),
      Pid: z.int(),
      Test: z.literal(true),
      Addr: z.strictObject({ Network: z.literal('unix'), String: z.string() }),
    })
    .optional()
    .describe('ReattachConfig of go-plugin; with --no-tls only.'),
  grpcurl: z.string().optional().describe('A command that lists the services.'),
});

type Result = z.output<typeof result>;
type Serving = Parameters<Standalone['announce']>[0];

export const command = defineCommand({
  result,
  text({ grpcurl, handshake, reattach }) {
    // A line that programs read, and nothing beside it.
    if (reattach !== undefined) return `${JSON.stringify(reattach)}\n`;
    return `${handshake}\n${grpcurl === undefined ? '' : `\n${grpcurl}\n`}`;
  },
  async run(input, context) {
    const directory = input.option('tls-dir');
    const isPlain = input.flag('no-tls');
    const hostCertificate = context.variables[CLIENT_CERT];
    assertOneWayIn([directory !== undefined, isPlain, hostCertificate !== undefined]);
    const file = input.option('config');
    if (file !== undefined && hostCertificate !== undefined) {
      throw new CommandError(EXIT.usage, `--config is for the host whose certificate is in ${CLIENT_CERT}`);
    }
    const read = file === undefined ? undefined : await requireConfiguration(file, input.option('type'));
    const type = (read?.type ?? input.option('type') ?? 'KeystoreInstanceKeyOperation') as PluginType;
    const client = createOneTimeCertificate();
    using files = directory === undefined ? undefined : openTlsDirectory(directory, client, context.on);
    // Awaited, since the files go when this returns.
    return await serve({ type, configuration: read?.text, client, files, isPlain, hostCertificate }, context);
  },
});

interface Plan {
  readonly type: PluginType;
  readonly configuration: string | undefined;
  /** Our own client, which configures; what is in `files` is the same. */
  readonly client: OneTimeCertificate;
  readonly files: TlsDirectory | undefined;
  readonly isPlain: boolean;
  readonly hostCertificate: string | undefined;
}

/** Otherwise nobody could connect, or anybody. */
function assertOneWayIn(ways: readonly boolean[]): void {
  const count = ways.filter((isChosen) => isChosen).length;
  if (count === 1) return;
  const hint = '--tls-dir writes the files that a client needs, --no-tls serves plainly';
  const fault = count === 0 ? 'nobody could connect' : `--tls-dir, --no-tls and ${CLIENT_CERT} exclude each other`;
  throw new CommandError(EXIT.usage, fault, hint);
}

/** Runs the plugin until it is interrupted or stopped by a client. */
async function serve(plan: Plan, context: CommandContext<Result>): Promise<typeof EXIT.ok> {
  const { client, files, hostCertificate, isPlain, type } = plan;
  const interruption = new AbortController();
  const signal = AbortSignal.any([context.signal, interruption.signal]);
  const announced = Promise.withResolvers<Serving>();
  const ended = Promise.withResolvers<number>();
  const log = createLogger();
  const running = runPlugin({
    type,
    variables: variablesOf(type, hostCertificate ?? client.certificatePem, context),
    log,
    effects: effectsOf(context, signal, ended.resolve),
    createServices: createKeystoreServices,
    standalone: {
      security: isPlain ? 'none' : 'mutual-tls',
      announce: (serving) => {
        if (serving.certificatePem !== undefined) files?.writeServer(serving.certificatePem);
        announced.resolve(serving);
      },
    },
  });
  try {
    const serving = await Promise.race([announced.promise, ended.promise]);
    if (typeof serving === 'number') throw notStarted(serving, signal);
    if (plan.configuration !== undefined) await configure(serving, plan, plan.configuration);
    context.print(resultOf(serving, plan));
    const code = await ended.promise;
    if (code !== 0) throw new CommandError(EXIT.unexpected, 'the plugin failed; its log tells why');
    return EXIT.ok;
  } finally {
    interruption.abort();
    await running;
  }
}

function notStarted(code: number, signal: AbortSignal): unknown {
  if (code === 0) return signal.reason;
  return new CommandError(EXIT.unexpected, 'the plugin does not start; its log tells why');
}

function variablesOf(
  type: PluginType,
  clientCertificatePem: string,
  { variables }: CommandContext<Result>,
): EnvironmentVariables {
  const own = buildPluginEnvironment({
    cookieKey: type,
    cookieValue: type,
    protocolVersions: [PLUGIN_PROTOCOL_VERSION],
    clientCertificatePem,
  });
  // A directory for the socket, if any, is still the caller's to name.
  return { ...own, ...variables, PLUGIN_CLIENT_CERT: clientCertificatePem };
}

/** Signals come by way of the command; the end of the plugin is not the end of the process. */
function effectsOf(
  context: CommandContext<Result>,
  signal: AbortSignal,
  onEnd: (code: number) => void,
): ProcessEffects {
  return {
    parentId: () => 0,
    on: (event, listener) => {
      if (event === 'SIGINT') signal.addEventListener('abort', listener, { once: true });
      else if (!event.startsWith('SIG')) context.on(event, listener);
    },
    writeStdout: () => undefined,
    exit: onEnd,
  };
}

/** As a host would. @throws CommandError when the plugin refuses it */
async function configure({ certificatePem, socketPath }: Serving, { client }: Plan, text: string): Promise<void> {
  const channel =
    certificatePem === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(
          Buffer.from(certificatePem),
          Buffer.from(client.privateKeyPem),
          Buffer.from(client.certificatePem),
        );
  const connection = new Client(`unix:${socketPath}`, channel);
  const { path, requestSerialize, responseDeserialize } = ConfigService.configure;
  try {
    await new Promise<void>((resolve, reject) => {
      const options = { deadline: Date.now() + CONFIGURE_TIMEOUT_MS };
      const request = { yamlConfiguration: text };
      connection.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, options, (error) => {
        if (error === null) resolve();
        else reject(new CommandError(EXIT.configuration, `Configure failed: ${error.details}`));
      });
    });
  } finally {
    connection.close();
  }
}

function resultOf({ line, socketPath }: Serving, { configuration, files, isPlain, type }: Plan): Result {
  const reattach = {
    Protocol: 'grpc',
    ProtocolVersion: PLUGIN_PROTOCOL_VERSION,
    Pid: pid,
    Test: true,
    Addr: { Network: 'unix', String: socketPath },
  } as const;
  const credentialsOf = ({ certificate, clientCertificate, clientKey }: TlsDirectory['paths']): string =>
    `-cacert ${certificate} -cert ${clientCertificate} -key ${clientKey} -authority localhost`;
  const options = isPlain ? '-plaintext' : files === undefined ? undefined : credentialsOf(files.paths);
  return {
    type,
    pid,
    socket: socketPath,
    handshake: line.trimEnd(),
    configured: configuration !== undefined,
    ...(files !== undefined && { tls: files.paths }),
    ...(isPlain && { reattach }),
    ...(options !== undefined && { grpcurl: `grpcurl ${options} -unix ${socketPath} list` }),
  };
}
