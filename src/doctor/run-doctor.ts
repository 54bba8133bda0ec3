import { AccessDataError } from '../config/access-data.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { KeystoreError } from '../keystore/errors.ts';
import type { Logger } from '../logging/logger.ts';
import { systemClock } from '../openbao/clock.ts';
import { createValueReader } from '../openbao/value-reader.ts';
import { delay } from '../openbao/waiting.ts';
import { blocked, type Check, failed, type Finding, skipped } from './check.ts';
import { CHECKS } from './checks.ts';
import { describeError } from './describe-error.ts';
import { Examination } from './examination.ts';
import { fillNames, fillRules, type Names } from './names.ts';
import { Outcomes } from './outcomes.ts';
import { overviewOf } from './overview.ts';
import type { CheckResult, DoctorReport } from './report.ts';
import { type LeftOut, select, type Selection } from './selection.ts';
import type { DoctorRole } from './role.ts';

/** What is examined and how; see {@link runDoctor}. */
export interface DoctorOptions extends Selection {
  /** Keys to look at; by default `crypto.testKey` of the configuration, and none without it. */
  readonly keys?: readonly string[];
  /** What the identity is for; by default seeing keys and using them. */
  readonly roles?: readonly DoctorRole[];
  /** `config.values` of a call, where the calls bring the identity. */
  readonly access?: unknown;
  /** How long a server that serves is waited for, in milliseconds; 0 by default. */
  readonly waitMs?: number;
  /** Ends the examination: what is under way is undone, the rest is not begun. */
  readonly signal?: AbortSignal;
  /** Told of each result as it comes. */
  readonly onResult?: (result: CheckResult) => void;
  /** Where the parts of the plugin write their log lines; nowhere by default. */
  readonly log?: Logger;
  /** This machine's time, in milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Examines a configuration against its OpenBao, as the plugin would use it: makes the checks of the table in their order,
 * each once its needs are met, and leaves nothing behind: the token is revoked, also when it is interrupted.
 *
 * @throws UnknownCheckError when `only` or `skip` names what no check is called.
 */
export async function runDoctor(configurationText: string, options: DoctorOptions = {}): Promise<DoctorReport> {
  const { log = SILENT, now = Date.now, onResult, signal = NEVER, waitMs = 0 } = options;
  const leftOut = select(CHECKS, options);
  const started = performance.now();
  const examination = new Examination({
    configurationText,
    access: options.access,
    roles: options.roles,
    keys: options.keys,
    read: createValueReader(log),
    log,
    now,
    signal,
  });
  const results: CheckResult[] = [];
  const outcomes = new Outcomes();
  let waited = waitMs === 0;
  try {
    for (const check of CHECKS) {
      const why = leftOut.get(check.id);
      if (why === 'not-asked') continue;
      if (!waited && check.id.startsWith('network.') && outcomes.isGood('config.valid')) {
        await waitForServer(examination, waitMs);
        waited = true;
      }
      for (const result of await makeCheck(check, { examination, why, outcomes })) {
        onResult?.(result);
        results.push(result);
      }
    }
    return {
      results,
      overview: await overviewOf(examination, results),
      interrupted: signal.aborted,
      durationMs: performance.now() - started,
    };
  } finally {
    await examination.end();
  }
}

interface Circumstances {
  readonly examination: Examination;
  readonly why: LeftOut | undefined;
  readonly outcomes: Outcomes;
}

// A check that found nothing to judge is no obstacle to what needs it; one that was not made is.
async function makeCheck(check: Check, circumstances: Circumstances): Promise<readonly CheckResult[]> {
  const { examination, outcomes } = circumstances;
  const results: CheckResult[] = [];
  const notMade = reasonToSkip(check, circumstances);
  if (notMade !== undefined) {
    outcomes.note(check.id, '', false);
    return [toResult(check, skipped(notMade))];
  }
  for (const key of check.perKey === true ? examination.keys() : ['']) {
    const unmet = unmetNeed(check, outcomes, key);
    const started = performance.now();
    const finding = unmet ?? (await examine(check, examination, key));
    outcomes.note(check.id, key, finding.blocks !== true && finding.status !== 'failed');
    const names = unmet !== undefined || check.id.startsWith('config.') ? {} : examination.names(key);
    results.push(toResult(check, finding, { names, key, durationMs: performance.now() - started }));
  }
  return results;
}

function reasonToSkip(check: Check, { examination, outcomes, why }: Circumstances): string | undefined {
  if (examination.signal.aborted) return 'the examination was interrupted';
  if (why !== undefined) return LEFT_OUT[why];
  const unmet = unmetNeed(check, outcomes, '');
  if (unmet !== undefined) return unmet.text;
  return check.perKey === true && examination.keys().length === 0 ? 'no key was named' : undefined;
}

function unmetNeed(check: Check, outcomes: Outcomes, key: string): Finding | undefined {
  const unmet = check.needs.find((id) => outcomes.isBad(id, key));
  return unmet === undefined ? undefined : blocked(`needs ${unmet}`);
}

const LEFT_OUT: Readonly<Record<LeftOut, string>> = {
  'not-asked': 'not asked for',
  skip: 'left out as asked',
  pre: 'comes once the key and its policy are there',
};

// What a part of the plugin cannot do is what is to be found out here; anything else is a defect of ours.
async function examine(check: Check, examination: Examination, key: string): Promise<Finding> {
  try {
    return await check.examine(examination, key);
  } catch (error) {
    if (examination.signal.aborted) return blocked('the examination was interrupted');
    if (error instanceof KeystoreError) return failed(describeError(error));
    if (error instanceof ConfigurationError || error instanceof AccessDataError) return failed(error.message);
    throw error;
  }
}

function toResult(
  check: Check,
  finding: Finding,
  { names = {}, key = '', durationMs = 0 }: { names?: Names; key?: string; durationMs?: number } = {},
): CheckResult {
  const { backend = false, cause, id, title } = check;
  const { fix = check.fix } = finding;
  const bad = finding.status === 'failed' || finding.status === 'warning';
  const policy = finding.policy ?? (bad ? check.policy : undefined);
  return {
    id,
    title,
    status: finding.status,
    ...(key !== '' && { key }),
    text: fillNames(finding.text, names),
    ...(bad && { cause: fillNames(cause, names), fix: fillNames(fix, names) }),
    ...(policy && policy.length > 0 && { policy: fillRules(policy, names) }),
    durationMs,
    backend,
  };
}

const WAIT_PAUSE_MS = 500;

/** Waits until a server of the cluster serves, or the time is over: then the checks say what is wrong. */
async function waitForServer(examination: Examination, waitMs: number): Promise<void> {
  const end = systemClock.now() + waitMs;
  while (systemClock.now() < end && !examination.signal.aborted) {
    const serving = await examination.isServing().catch(() => false);
    if (serving) return;
    const pauseMs = Math.min(WAIT_PAUSE_MS, Math.max(0, end - systemClock.now()));
    await delay(systemClock, pauseMs, examination.signal).catch(() => undefined);
  }
}

const NEVER = new AbortController().signal;

const nothing = (): void => undefined;
const SILENT: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => SILENT,
};
