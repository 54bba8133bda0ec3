import { readFile } from 'node:fs/promises';

/** One test of the last run, as test/support/summary-reporter.cjs writes it. */
export interface TestResult {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly title: string;
  /** `passed`, `failed`, or one of jest's words for a test that did not run. */
  readonly status: string;
}

/** Where the last test run has left what ran. */
export const TEST_RESULTS = '.cache/test-results.json';

/** @throws Error that says how to make the results when there are none. */
export async function readTestResults(): Promise<TestResult[]> {
  const text = await readFile(TEST_RESULTS, 'utf8').catch(() => {
    throw new Error(`no ${TEST_RESULTS}: run "npm test" first`);
  });
  return (JSON.parse(text) as { tests: TestResult[] }).tests;
}
