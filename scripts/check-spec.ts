// Compares the specification, and the tables of docs/reference/ that come from it, with the last full test run. --write
// writes these tables. REQUIRE_ALL=1 makes a requirement whose tests were skipped an error.
import { readFile, writeFile } from 'node:fs/promises';

import { falseClaims } from './check-spec/evidence.ts';
import { judge } from './check-spec/judge.ts';
import { renderProtocolCoverage, uncoveredRows } from './check-spec/protocol-coverage.ts';
import { readSpecification, SPECIFICATION } from './check-spec/specification.ts';
import { readTestResults } from './check-spec/test-results.ts';
import { renderTrace } from './check-spec/trace.ts';
import { report } from './report.ts';

const options = { requireAll: process.env.REQUIRE_ALL === '1' };

try {
  const reading = SPECIFICATION.map(async (file) => [file, await readFile(file, 'utf8')] as const);
  const parts = new Map(await Promise.all(reading));
  const { requirements, faults } = readSpecification(parts);
  const tests = await readTestResults();
  const { problems, notRun, shown } = judge(requirements, tests, options);
  const uncovered = uncoveredRows(tests, options).map(
    (row) => `row ${row} of go-plugin's conformance list has no test`,
  );
  const outdated = await settle(
    {
      'docs/reference/trace.md': renderTrace(requirements, tests),
      'docs/reference/protocol-coverage.md': renderProtocolCoverage(tests),
    },
    { write: process.argv.includes('--write') },
  );

  const claims = falseClaims(parts, requirements, tests);
  const errors = [...faults, ...problems, ...claims, ...uncovered, ...outdated];
  for (const error of errors) report(`  ${error}`);
  for (const id of notRun) report(`  not run: ${id} (its tests were skipped)`);
  const planned = requirements.filter((each) => each.planned).length;
  report(`${shown} MUST shown, ${notRun.length} not run, ${planned} planned, ${errors.length} problems`);
  process.exitCode = errors.length === 0 ? 0 : 1;
} catch (error) {
  report(error instanceof Error ? error.message : 'check-spec failed');
  process.exitCode = 1;
}

async function settle(wanted: Record<string, string>, { write }: { write: boolean }): Promise<string[]> {
  const outdated: string[] = [];
  for (const [file, text] of Object.entries(wanted)) {
    if ((await readFile(file, 'utf8').catch(() => '')) === text) continue;
    if (write) await writeFile(file, text);
    else outdated.push(`${file} is out of date: npm run check:spec -- --write`);
  }
  return outdated;
}
