import { runAsReaper } from '../launch/reaper.ts';
import { runCommandLine } from './command-line.ts';
import { CommandError, exitCodeOf } from './exit-codes.ts';

/** Set by the build. */
declare const __VERSION__: string | undefined;

async function main(): Promise<void> {
  const version = typeof __VERSION__ === 'string' ? __VERSION__ : 'from its sources';
  try {
    process.exitCode = await runCommandLine(process.argv.slice(2), version);
  } catch (error) {
    const known = error instanceof CommandError || (error instanceof Error && error.name.startsWith('Plugin'));
    process.stderr.write(`plugin-host: ${known ? error.message : String((error as Error).stack)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

if (!runAsReaper()) void main();
