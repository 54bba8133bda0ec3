import { REQUIREMENT_ID, type Requirement } from './specification.ts';
import type { TestResult } from './test-results.ts';

/** What the last test run says about the specification. */
export interface Verdict {
  readonly problems: readonly string[];
  /** MUSTs whose tests were all skipped. */
  readonly notRun: readonly string[];
  /** MUSTs with a passing test. */
  readonly shown: number;
}

/**
 * Compares the requirements with the tests that name them. Without `requireAll` a MUST whose tests were all skipped, with
 * their layer, is only listed.
 */
export function judge(
  requirements: readonly Requirement[],
  tests: readonly TestResult[],
  options: { readonly requireAll: boolean },
): Verdict {
  const byId = testsById(tests);
  const problems: string[] = [];
  const notRun: string[] = [];
  let shown = 0;

  const known = new Set(requirements.map(({ id }) => id));
  for (const [id, [first]] of byId) {
    if (!known.has(id)) problems.push(`${id} is not in the specification, but ${quote(first)} names it`);
  }
  for (const { id, level, planned } of requirements) {
    const own = byId.get(id) ?? [];
    if (planned) {
      if (own.length > 0) problems.push(`${id} is PLANNED, but ${quote(own[0])} names it`);
      continue;
    }
    const failed = own.find(({ status }) => status === 'failed');
    if (failed !== undefined) problems.push(`${id}: ${quote(failed)} failed`);
    if (level !== 'MUST' || failed !== undefined) continue;
    if (own.some(({ status }) => status === 'passed')) shown += 1;
    else if (own.length === 0) problems.push(`${id} has no test`);
    else if (options.requireAll) problems.push(`${id}: its tests were skipped`);
    else notRun.push(id);
  }
  return { problems, notRun, shown };
}

/** The tests that name each id, in the order of the run. */
export function testsById(tests: readonly TestResult[]): Map<string, TestResult[]> {
  const byId = new Map<string, TestResult[]>();
  for (const test of tests) {
    for (const id of new Set(test.title.match(REQUIREMENT_ID))) byId.set(id, [...(byId.get(id) ?? []), test]);
  }
  return byId;
}

function quote(test: TestResult | undefined): string {
  return test === undefined ? 'a test' : `"${test.title}" (${test.file})`;
}
