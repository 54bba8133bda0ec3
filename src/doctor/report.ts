import type { PolicyRule } from '../openbao/provider/policy.ts';
import type { CheckId, CheckStatus } from './check.ts';

/** What came of one check, with names in place of all placeholders. */
export interface CheckResult {
  readonly id: CheckId;
  readonly title: string;
  readonly status: CheckStatus;
  /** The key, where the check is made for each. */
  readonly key?: string;
  /** What was seen, or why nothing was looked at. */
  readonly text: string;
  /** Those of a check that failed or warns. */
  readonly cause?: string;
  readonly fix?: string;
  /** The rights that would mend it. */
  readonly policy?: readonly PolicyRule[];
  readonly durationMs: number;
  /** Whether a failure means that OpenBao refused or cannot be reached. */
  readonly backend: boolean;
}

/** What was seen of the whole, for Story 4 of use case 007. */
export interface Overview {
  /** Empty when no server told it. */
  readonly version: string;
  readonly loggedIn: 'yes' | 'no' | 'unknown';
  readonly policies: readonly string[];
  readonly transit: 'enabled' | 'missing' | 'unknown';
}

export interface DoctorReport {
  /** In the order in which they were made. */
  readonly results: readonly CheckResult[];
  readonly overview: Overview;
  readonly interrupted: boolean;
  readonly durationMs: number;
}

/** 0 all is well, 3 the configuration is wrong, 4 a check failed, 5 OpenBao refused or cannot be reached. */
export type DoctorExitCode = 0 | 3 | 4 | 5;

export function countByStatus({ results }: Pick<DoctorReport, 'results'>): Readonly<Record<CheckStatus, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, skipped: 0 };
  for (const { status } of results) counts[status] += 1;
  return counts;
}

/** Warnings are no failure. */
export function exitCodeOf({ results }: Pick<DoctorReport, 'results'>): DoctorExitCode {
  const failures = results.filter(({ status }) => status === 'failed');
  if (failures.some(({ id }) => id.startsWith('config.'))) return 3;
  if (failures.some(({ backend }) => backend)) return 5;
  return failures.length > 0 ? 4 : 0;
}
