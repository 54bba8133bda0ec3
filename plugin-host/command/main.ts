import { runAsReaper } from '../launch/reaper.ts';
import { printable } from './printable.ts';
import { runCommandLine } from './command-line.ts';
import { CommandError, exitCodeOf } from './exit-codes.ts';

/** Set by the build. */
declare const __VERSION__: string | undefined;

async function main(): Promise<void> {
  // A reader that has gone, `head` for instance.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const version = typeof __VERSION__ === 'string' ? __VERSION__ : 'from its sources';
  try {
    process.exitCode = await runCommandLine(process.argv.slice(2), version);
  } catch (error) {
    const known = error instanceof CommandError || (error instanceof Error && error.name.startsWith('Plugin'));
    const lines = (known ? error.message : String((error as Error).stack)).split('\n').map(printable);
    process.stderr.write(`plugin-host: ${lines.join('\n')}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

if (!runAsReaper()) void main();
