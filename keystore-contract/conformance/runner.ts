import { CONFORMANCE_CASES } from './cases/index.ts';
import type { ConformanceCase, Profile } from './case.ts';
import { CaseRun } from './case-run.ts';
import { capabilitiesOf, type Stage } from './stage.ts';
import type { Subject } from './subject.ts';
import { namesIn } from './template.ts';

/** A plugin, what it claims, and what is around it. */
export interface Setting {
  readonly subject: Subject;
  readonly stage: Stage;
  readonly profiles: readonly Profile[];
}

/** What came of a case. */
export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped: one sentence without secrets. */
  readonly why?: string;
}

/** Runs cases one after another, all of them by default. Rejects only when `onResult` throws. */
export async function runConformance(
  options: Setting & {
    readonly cases?: readonly ConformanceCase[];
    readonly onResult?: (result: CaseResult) => void;
  },
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  for (const each of options.cases ?? CONFORMANCE_CASES) {
    const result = await runCase(each, options);
    results.push(result);
    options.onResult?.(result);
  }
  return results;
}

/** Why a case is not for a plugin or a stage, or undefined when it is. */
export function skipReason(
  { needs = [], profiles, steps, ...conformanceCase }: ConformanceCase,
  claims: readonly Profile[],
  capabilities: ReadonlySet<string>,
): string | undefined {
  const unclaimed = profiles.filter((profile) => !claims.includes(profile));
  if (unclaimed.length > 0) return `The plugin does not claim ${unclaimed.join(' and ')}.`;
  const all = [...steps, ...(conformanceCase.finally ?? [])];
  const own = new Set(all.flatMap((step) => ('as' in step ? [step.as] : [])));
  const used = all.flatMap((step) => ('act' in step ? [step.act, ...namesIn(step)] : namesIn(step)));
  const lacking = new Set([...needs, ...used].filter((name) => !own.has(name) && !capabilities.has(name)));
  return lacking.size === 0 ? undefined : `The stage does not offer ${[...lacking].join(', ')}.`;
}

/** Runs one case. Never rejects. */
export async function runCase(conformanceCase: ConformanceCase, setting: Setting): Promise<CaseResult> {
  const { id, title } = conformanceCase;
  const skipped = skipReason(conformanceCase, setting.profiles, capabilitiesOf(setting.stage));
  if (skipped !== undefined) return { id, title, outcome: 'skipped', why: skipped };
  const run = new CaseRun(setting);
  const failures = [
    await run.all(conformanceCase.steps, 'step'),
    await run.all(conformanceCase.finally ?? [], 'step of the end'),
  ].filter((failure) => failure !== undefined);
  return failures.length === 0
    ? { id, title, outcome: 'passed' }
    : { id, title, outcome: 'failed', why: `${failures.join('; ')}.` };
}
