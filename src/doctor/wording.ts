import { type CheckStatus, type Finding, skipped } from './check.ts';

const GRAVITY: readonly CheckStatus[] = ['skipped', 'ok', 'warning', 'failed'];

/** Findings about several things as one: as grave as the gravest, with the texts of those that are so grave. */
export function worst(findings: readonly Finding[]): Finding {
  const gravest = Math.max(...findings.map(({ status }) => GRAVITY.indexOf(status)));
  const chosen = findings.filter(({ status }) => status === GRAVITY[gravest]);
  const [first] = chosen;
  if (first === undefined) return skipped('there is nothing to look at');
  const policy = chosen.flatMap((finding) => finding.policy ?? []);
  return {
    status: first.status,
    text: [...new Set(chosen.map(({ text }) => text))].join('; '),
    ...(policy.length > 0 && { policy }),
  };
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** A length of time in the largest unit of which there are two or more: `36 hours`, `1 second`. */
export function lengthOfTime(ms: number): string {
  const [name, size] = UNITS.find(([, unit]) => Math.abs(ms) >= 2 * unit) ?? ['second', 1000];
  return counted(Math.round(Math.abs(ms) / size), name);
}

/** `1 use`, `2 uses`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** `3 days ago`, `in 2 hours`. */
export function agoOrAhead(time: number, now: number): string {
  return time <= now ? `${lengthOfTime(now - time)} ago` : `in ${lengthOfTime(time - now)}`;
}
