import { z } from 'zod';

import { formatPolicy } from '../openbao/provider/policy.ts';
import { type CheckId, type GroupRow, GROUPS, groupOf, STORY_TESTS, type StoryTest } from './check.ts';
import { type CheckResult, countByStatus, type DoctorReport, exitCodeOf } from './report.ts';

const count = z.int().min(0);
const milliseconds = z.number().min(0);
const testOutcome = z.enum(['passed', 'failed', 'skipped']);

type TestOutcome = z.output<typeof testOutcome>;

const check = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z]+\.[a-z-]+$/)
    .describe('Stable: group and name.'),
  group: z.string(),
  title: z.string().describe('What is so when all is well.'),
  status: z.enum(['ok', 'warning', 'failed', 'skipped']),
  key: z.string().optional().describe('The key, where the check is made for each.'),
  message: z.string().describe('What was seen, or why nothing was looked at.'),
  cause: z.string().optional().describe('Of a warning or failure: why it comes about as a rule.'),
  fix: z.string().optional().describe('Of a warning or failure: what to do.'),
  policy: z.string().optional().describe('The rights that would mend it, in HCL.'),
  duration_ms: milliseconds,
});

/** The result of `doctor` as JSON. The first five members and the names of the tests are those of use case 007, Story 4. */
export const doctorResult = z.strictObject({
  plugin_status: z
    .enum(['ready', 'failed', 'unproven'])
    .describe('`ready`: a key was used and no check failed; `unproven`: none failed, and no key was used.'),
  vault_version: z.string().nullable().describe('Release of OpenBao, where it was told.'),
  auth_status: z.enum(['authenticated', 'refused', 'unknown']),
  policies_applied: z.array(z.string()).describe('Policies of the token.'),
  transit_engine: z.enum(['enabled', 'missing', 'unknown']),
  tests: z.strictObject(
    Object.fromEntries(STORY_TESTS.map((name) => [name, testOutcome])) as Record<StoryTest, typeof testOutcome>,
  ),
  checks: z.array(check).describe('In the order in which they were made.'),
  summary: z.strictObject({ ok: count, warning: count, failed: count, skipped: count }),
  interrupted: z.boolean().describe('Whether it was ended before all checks were made.'),
  exit_code: z.union([z.literal(0), z.literal(3), z.literal(4), z.literal(5)]),
  duration_ms: milliseconds,
});

export type DoctorResult = z.output<typeof doctorResult>;

const AUTH_STATUS = { yes: 'authenticated', no: 'refused', unknown: 'unknown' } as const;

/** The report in its published form. */
export function toDoctorResult(report: DoctorReport): DoctorResult {
  const { interrupted, overview, results } = report;
  const exitCode = exitCodeOf(report);
  const used = results.some(({ id, status }) => id === 'use.round-trip' && status === 'ok');
  return {
    plugin_status: exitCode !== 0 ? 'failed' : used && !interrupted ? 'ready' : 'unproven',
    vault_version: overview.version === '' ? null : overview.version,
    auth_status: AUTH_STATUS[overview.loggedIn],
    policies_applied: [...overview.policies],
    transit_engine: overview.transit,
    tests: Object.fromEntries(STORY_TESTS.map((name) => [name, outcomeOf(name, results)])) as Record<
      StoryTest,
      TestOutcome
    >,
    checks: results.map(toCheck),
    summary: { ...countByStatus(report) },
    interrupted,
    exit_code: exitCode,
    duration_ms: rounded(report.durationMs),
  };
}

function toCheck({
  cause,
  durationMs,
  fix,
  id,
  key,
  policy,
  status,
  text,
  title,
}: CheckResult): DoctorResult['checks'][number] {
  return {
    id,
    group: groupOf(id),
    title,
    status,
    ...(key !== undefined && { key }),
    message: text,
    ...(cause !== undefined && { cause }),
    ...(fix !== undefined && { fix }),
    ...(policy && { policy: formatPolicy(policy) }),
    duration_ms: rounded(durationMs),
  };
}

/** What must have been seen to be good before the test of Story 4 passes; with it every check of its groups has to hold. */
const DECISIVE: Readonly<Record<StoryTest, CheckId>> = {
  test_approle_login: 'login.accepted',
  test_transit_operations: 'use.round-trip',
  verify_access_controls: 'rights.encrypt',
  test_token_lifecycle: 'end.revoked',
};

function outcomeOf(test: StoryTest, results: readonly CheckResult[]): TestOutcome {
  const own = results.filter(({ id }) => storyOf(id) === test);
  if (own.some(({ status }) => status === 'failed')) return 'failed';
  const decided = own.some(({ id, status }) => id === DECISIVE[test] && status !== 'skipped');
  return decided ? 'passed' : 'skipped';
}

function storyOf(id: CheckId): StoryTest | undefined {
  const group: GroupRow = GROUPS[groupOf(id)];
  return group.story;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
