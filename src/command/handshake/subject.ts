import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { execArgv } from 'node:process';

import { FirstLine } from '../../../plugin-host/handshake-reader.ts';
import { buildEnvironment } from '../../../plugin-host/launch/environment.ts';
import { type PluginProcess, startProcess } from '../../../plugin-host/launch/plugin-process.ts';
import { createLineSplitter } from '../../../plugin-host/line-splitter.ts';
import { PLUGIN_PROTOCOL_VERSION, type PluginType } from '../../../keystore-contract/plugin-types.ts';
import { createOneTimeCertificate, type OneTimeCertificate } from '../../../plugin-protocol/certificate.ts';
import { buildPluginEnvironment } from '../../../plugin-protocol/environment.ts';
import { createHclogReader, HCLOG_LINE_LIMIT } from '../../../plugin-protocol/hclog.ts';

const MAX_LOG_LINES = 200;

/** The plugin process that is looked at, with an environment of nothing but what go-plugin's hosts set. */
export interface Subject extends AsyncDisposable {
  readonly process: PluginProcess;
  /** The host's certificate, which the plugin lets in. */
  readonly own: OneTimeCertificate;
  readonly firstLine: FirstLine;
  /** Where its socket is to be. */
  readonly socketDirectory: string;
  /** Lines of stdout behind the first. */
  readonly moreStdout: () => number;
  /** Of stderr: the last lines, and how many there were and were no log lines. */
  readonly stderr: () => { readonly lines: readonly string[]; readonly count: number; readonly unstructured: number };
  /** What it has left, as paths. */
  readonly remains: () => Promise<readonly string[]>;
}

/** Starts the program as a plugin of the type. Disposing ends it at once and removes its directories. */
export async function startSubject(options: {
  readonly program: readonly [file: string, ...args: string[]];
  readonly type: PluginType;
  readonly temporaryDirectory: string;
  readonly on: (event: 'exit', listener: () => void) => void;
}): Promise<Subject> {
  const { program, type } = options;
  const [path, ...args] = program;
  await using resources = new AsyncDisposableStack();
  const folder = await mkdtemp(join(options.temporaryDirectory, 'handshake-'));
  options.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const [socketDirectory, temporary] = [await mkdtemp(join(folder, 's')), await mkdtemp(join(folder, 't'))];

  const own = createOneTimeCertificate();
  const firstLine = new FirstLine();
  const stderr = collectLog();
  let more = 0;
  let isBehind = false;
  const stdout = {
    write(chunk: Buffer): void {
      const end = isBehind ? -1 : chunk.indexOf('\n');
      more += isBehind || end !== -1 ? chunk.length - (end + 1) : 0;
      isBehind ||= end !== -1;
      firstLine.write(chunk);
    },
    end: () => firstLine.end(),
  };
  const variables = buildPluginEnvironment({
    cookieKey: type,
    cookieValue: type,
    protocolVersions: [PLUGIN_PROTOCOL_VERSION],
    clientCertificatePem: own.certificatePem,
    unixSocketDir: socketDirectory,
  });
  // Node hands its own permission flags down in NODE_OPTIONS; go-plugin's hosts set nothing but the above.
  execArgv.splice(0);
  const process = resources.use(
    await startProcess({
      executable: { path, startPath: path, hashedBytesRun: false, ...UNGUARDED },
      args,
      environment: buildEnvironment({ set: { TMPDIR: temporary } }, variables),
      stdout,
      stderr: stderr.sink,
    }),
  );
  const held = resources.move();
  return {
    process,
    own,
    firstLine,
    socketDirectory,
    moreStdout: () => more,
    stderr: stderr.seen,
    remains: async () => [...(await filesIn(socketDirectory)), ...(await filesIn(temporary))],
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** What is looked at is what lies there: nobody hashed it before. */
const UNGUARDED = {
  assertUnchanged: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

function collectLog() {
  const reader = createHclogReader();
  const lines: string[] = [];
  const seen = { count: 0, unstructured: 0 };
  const sink = createLineSplitter(HCLOG_LINE_LIMIT, (line) => {
    if (line === '') return;
    seen.count += 1;
    if (!reader.read(line).structured) seen.unstructured += 1;
    lines.push(line);
    if (lines.length > MAX_LOG_LINES) lines.shift();
  });
  return { sink, seen: () => ({ ...seen, lines: [...lines] }) };
}

async function filesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).map((name) => join(folder, name));
}

/** Mode bits of a file, as `600`, and whether it is a socket. */
export async function describeSocket(path: string): Promise<{ readonly mode: string; readonly isSocket: boolean }> {
  const stats = await lstat(path);
  return { mode: (stats.mode & 0o777).toString(8).padStart(3, '0'), isSocket: stats.isSocket() };
}
