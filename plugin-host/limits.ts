import { PluginHostError } from './errors.ts';

/** What a number of the options may be, and what it is when not given. */
interface Limit {
  readonly standard: number;
  readonly min: number;
  readonly max: number;
  readonly unit: '' | ' ms';
}

const ms = (standard: number, max: number): Limit => ({ standard, min: 1, max, unit: ' ms' });
const count = (standard: number, min: number): Limit => ({ standard, min, max: 1000, unit: '' });

/** Of every plugin. */
export const TIME_LIMITS = {
  startTimeoutMs: ms(60_000, 600_000),
  initTimeoutMs: ms(30_000, 600_000),
  configureTimeoutMs: ms(30_000, 600_000),
  probeTimeoutMs: ms(10_000, 600_000),
  callTimeoutMs: ms(10_000, 3_600_000),
  drainTimeoutMs: ms(10_000, 600_000),
  deinitTimeoutMs: ms(10_000, 60_000),
  shutdownTimeoutMs: ms(2000, 60_000),
  brokerTimeoutMs: ms(5000, 600_000),
} as const;

/** Of its restarts. */
export const RESTART_LIMITS = {
  minBackoffMs: ms(250, 3_600_000),
  maxBackoffMs: ms(30_000, 3_600_000),
  stableAfterMs: ms(60_000, 86_400_000),
  maxRestarts: count(3, 0),
  windowMs: ms(300_000, 86_400_000),
} as const;

/** Of its health checks. */
export const HEALTH_LIMITS = {
  intervalMs: ms(30_000, 3_600_000),
  timeoutMs: ms(5000, 600_000),
  failures: count(3, 1),
} as const;

export type LimitTable = Readonly<Record<string, Limit>>;
export type Limits<Table extends LimitTable> = { readonly [Name in keyof Table]: number };

export type TimeLimits = Limits<typeof TIME_LIMITS>;
export type RestartLimits = Limits<typeof RESTART_LIMITS>;
export type HealthLimits = Limits<typeof HEALTH_LIMITS>;

/** The numbers that are given, and the standard for the others. */
export function completeLimits<Table extends LimitTable>(
  table: Table,
  given: { readonly [Name in keyof Table]?: number | undefined } = {},
): Limits<Table> {
  const entries = Object.entries(table).map(([name, { standard }]) => [name, given[name] ?? standard] as const);
  return Object.fromEntries(entries) as Limits<Table>;
}

/** Why a value is not within its limit, or undefined when it is. */
export function limitProblem({ min, max, unit }: Limit, value: unknown): string | undefined {
  const isWithin = typeof value === 'number' && value >= min && value <= max;
  const isWhole = unit !== '' || Number.isInteger(value);
  return isWithin && isWhole ? undefined : `must be ${min} to ${max}${unit}`;
}

/** The time of one call: its own, which must be within the limit, or the standard one. Throws `ERR_OPTIONS`. */
export function timeLimit(timeoutMs: number | undefined, standardMs: number): number {
  if (timeoutMs === undefined) return standardMs;
  const problem = limitProblem(TIME_LIMITS.callTimeoutMs, timeoutMs);
  if (problem !== undefined) throw new PluginHostError('ERR_OPTIONS', `timeoutMs ${problem}`);
  return timeoutMs;
}
