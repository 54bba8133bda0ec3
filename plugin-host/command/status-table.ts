import type { PluginStatus } from '../status.ts';
import { textTable } from './text-table.ts';

/** What one column shows of a plugin. */
type Cell = (name: string, status: PluginStatus) => string;

const WHICH: Readonly<Record<string, Cell>> = {
  PLUGIN: (name) => name,
  STATE: (_, { state }) => state,
};

const COLUMNS: Readonly<Record<string, Cell>> = {
  GEN: (_, { generation }) => String(generation),
  UPTIME: (_, { info, uptimeMs }) => (info ? duration(uptimeMs) : '-'),
  CALLS: (_, { calls }) => String(calls.operations),
  SUCCESS: (_, { calls: { recent } }) => (recent.successRate === undefined ? '-' : percent(recent.successRate)),
  P50: (_, { calls: { recent } }) => milliseconds(recent.latencyMs?.p50),
  P99: (_, { calls: { recent } }) => milliseconds(recent.latencyMs?.p99),
  HEALTH: (_, { health }) => (health ? (health.healthy ? 'good' : 'bad') : '-'),
  RESTARTS: (_, { restarts }) => String(restarts),
  SWAPS: (_, { swaps }) => String(swaps),
};

/**
 * How plugins are doing, one a line: state, calls, the part that succeeded and latency of the last 5 to 10 minutes.
 *
 * @param plugins - what `host.status()` gives
 * @param width - of a line, in characters
 * @param more - columns of the caller's own
 */
export function statusTable(
  plugins: Readonly<Record<string, PluginStatus>>,
  width: number,
  more: Readonly<Record<string, Cell>> = {},
): string[] {
  const columns: Readonly<Record<string, Cell>> = { ...WHICH, ...more, ...COLUMNS, NOTE: (_, status) => note(status) };
  const rows = Object.entries(plugins).map(([name, status]) =>
    Object.values(columns).map((cell) => cell(name, status)),
  );
  return textTable(Object.keys(columns), rows, width);
}

function note({ failedOver, lastCrash, reason, state }: PluginStatus): string {
  if (reason !== undefined) return failedOver ? `calls go to the backup; ${reason}` : reason;
  return state === 'ready' && lastCrash ? `last crash ${lastCrash.at.toISOString()}: ${lastCrash.error.message}` : '';
}

function percent(part: number): string {
  // Never 100 % when something failed.
  return `${(Math.floor(part * 1000) / 10).toFixed(1)} %`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

const UNITS: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
];

function duration(ms: number): string {
  const [size, unit] = UNITS.find(([least]) => ms >= least) ?? [1000, 's'];
  return `${Math.floor(ms / size)} ${unit}`;
}
