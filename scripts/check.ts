// Everything that needs no running server: types, lint, import directions, format, and that what is generated is in step.
import { report } from './report.ts';
import { runHere } from './run.ts';

const STEPS: readonly (readonly [what: string, file: string, ...args: string[]])[] = [
  ['types', 'tsc', '-b'],
  ['lint', process.execPath, 'scripts/lint.ts'],
  ['generated files', process.execPath, 'scripts/generate.ts', '--check'],
];

for (const [what, file, ...args] of STEPS) {
  const started = Date.now();
  const passed = (await runHere(file, args)) === 0;
  report(`${what}: ${passed ? 'good' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (!passed) process.exitCode = 1;
}
