// The executable without a magic cookie: what a tool needs of the process. Loads no library before it knows the command.
import { isSea } from 'node:sea';
import { isatty, WriteStream } from 'node:tty';

import type { EnvironmentVariables } from '../../plugin-protocol/environment.ts';
import { BUILD_INFO } from '../build-info.ts';
import { createLineWriter, writeFully } from '../logging/descriptor.ts';
import { BARE_START_TEXT } from './bare-start.ts';
import { EXIT } from './exit-codes.ts';
import { Interruption } from './interruption.ts';
import { createLayout, type Layout } from './layout.ts';

const STDOUT = 1;
const STDERR = 2;
/** A reader that takes nothing for so long has gone to sleep: a pager that nobody pages through reads on. */
const READER_PATIENCE_MS = 60_000;

/** @returns the exit code */
export async function startTool({
  process,
  variables,
}: {
  readonly process: NodeJS.Process;
  readonly variables: EnvironmentVariables;
}): Promise<number> {
  const args = process.argv.slice(2);
  const writeStderr = createLineWriter(STDERR);
  if (args.length === 0) {
    writeStderr(BARE_START_TEXT);
    return EXIT.unexpected;
  }
  const { runTool } = await import('./run-tool.ts');
  return runTool({
    args,
    layouts: { stdout: layoutOf(STDOUT, variables), stderr: layoutOf(STDERR, variables) },
    writeStdout: (text) => writeFully(STDOUT, text, READER_PATIENCE_MS),
    writeStderr,
    context: {
      signal: interruptions(process),
      program: isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? ''],
      buildInfo: BUILD_INFO,
      temporaryDirectory: variables.TMPDIR ?? '/tmp',
      variables,
      on: (event, listener) => process.on(event, listener),
    },
  });
}

function layoutOf(descriptor: number, { NO_COLOR, TERM }: EnvironmentVariables): Layout {
  if (!isatty(descriptor)) return createLayout(undefined);
  const { columns } = new WriteStream(descriptor);
  return createLayout({ columns, colours: NO_COLOR === undefined && TERM !== 'dumb' });
}

/** The first signal asks the command to stop; one more ends the process as it would have without us. */
function interruptions(process: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => controller.abort(new Interruption(name)));
  }
  return controller.signal;
}
