import { type Group, GROUPS } from '../doctor/check.ts';
import type { DoctorResult } from '../doctor/doctor-result.ts';
import { definitions, indented, type Layout, type Style } from './layout.ts';

type ShownCheck = DoctorResult['checks'][number];

const MARKS: Readonly<Record<ShownCheck['status'], readonly [word: string, style: Style]>> = {
  ok: ['ok', 'green'],
  warning: ['warn', 'yellow'],
  failed: ['FAIL', 'red'],
  skipped: ['skip', 'dim'],
};
const MARK_WIDTH = 6;
const INDENT = 2;
const OFFER = 'With these rights, if only while it is examined, more could be looked at:';

/** The result for people: a line for each check, and below one that is not well what to do about it. */
export function doctorText(result: DoctorResult, layout: Layout): string {
  const groups = Object.entries(GROUPS).map(([group, { title }]) => {
    const checks = result.checks.filter((check) => check.group === (group as Group));
    return checks.length === 0
      ? ''
      : `${layout.paint('bold', title)}\n${checks.map((one) => checkText(one, layout)).join('')}\n`;
  });
  return `${groups.join('')}${overviewText(result, layout)}`;
}

function checkText(check: ShownCheck, layout: Layout): string {
  const { columns, paint } = layout;
  const [word, style] = MARKS[check.status];
  const name = check.key === undefined ? check.id : `${check.id} ${check.key}`;
  const at = INDENT + MARK_WIDTH;
  const [first = '', ...rest] = indented(`${name}: ${check.message}`, at, columns).split('\n');
  const head = `${' '.repeat(INDENT)}${paint(style, word.padEnd(MARK_WIDTH))}${first.slice(at)}`;
  const lines = [head, ...rest].join('\n');
  return `${lines}${remedyText(check, { ...layout, columns }, at)}`;
}

function remedyText({ cause, fix, policy, status }: ShownCheck, layout: Layout, indent: number): string {
  // What would let a check be made is told once, at the end.
  const granting = status === 'skipped' ? undefined : policy;
  const rows = [
    ['cause', cause],
    ['fix', fix],
    ['policy', granting && ''],
  ].filter((row): row is [string, string] => row[1] !== undefined);
  const shown = definitions(rows, layout, { indent, style: 'dim' });
  return granting === undefined ? shown : `${shown}${policyText(granting, indent + INDENT)}`;
}

function policyText(policy: string, indent: number): string {
  const lines = policy.split('\n').filter((line) => line !== '');
  return lines.map((line) => `${' '.repeat(indent)}${line}\n`).join('');
}

function overviewText(result: DoctorResult, layout: Layout): string {
  const { failed, ok, skipped, warning } = result.summary;
  const rows: (readonly [string, string])[] = [
    ['plugin', result.plugin_status],
    ['OpenBao', result.vault_version ?? 'unknown'],
    ['login', result.auth_status],
    ['policies', result.policies_applied.length === 0 ? 'none seen' : result.policies_applied.join(', ')],
    ['transit', result.transit_engine],
    ['checks', `${ok} ok, ${warning} with a warning, ${failed} failed, ${skipped} skipped`],
    ...(result.interrupted ? [['note', 'interrupted: not all checks were made'] as const] : []),
  ];
  const unseen = new Set(
    result.checks.flatMap(({ policy, status }) => (status === 'skipped' && policy ? [policy] : [])),
  );
  const more = [...unseen].map((policy) => policyText(policy, 2 * INDENT)).join('');
  const offer = more === '' ? '' : `${indented(OFFER, INDENT, layout.columns)}${more}`;
  return `${layout.paint('bold', 'Result')}\n${definitions(rows, layout)}${offer}`;
}
