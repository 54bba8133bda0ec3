// All that is checked without running the code. Every tool runs, whatever the ones before it found.
import { report } from './report.ts';
import { runHere } from './run.ts';

const FOLDERS = ['plugin-protocol', 'keystore-contract', 'src', 'plugin-host', 'scripts', 'bench', 'test'];

const TOOLS: readonly (readonly [file: string, ...args: string[]])[] = [
  ['eslint', '.'],
  ['depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'err', ...FOLDERS],
  ['prettier', '--check', '--log-level', 'warn', '.'],
];

for (const [file, ...args] of TOOLS) {
  if ((await runHere(file, args)) !== 0) {
    report(`${file} found fault`);
    process.exitCode = 1;
  }
}
