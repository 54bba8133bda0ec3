import { statusTable } from '../../../../plugin-host/command/status-table.ts';
import type { PluginStatus } from '../../../../plugin-host/index.ts';

const NO_CALLS = {
  operations: 0,
  outcomes: { ok: 0, refused: 0, late: 0, lost: 0, cancelled: 0 },
  inFlight: 0,
  recent: { operations: 0, successRate: undefined, latencyMs: undefined },
};
const READY = {
  state: 'ready',
  generation: 3,
  info: {},
  uptimeMs: 3_700_000,
  restarts: 1,
  swaps: 2,
  failedOver: false,
  health: { generation: 3, healthy: true, failures: 0, at: new Date(0) },
  calls: {
    ...NO_CALLS,
    operations: 4000,
    recent: { operations: 4000, successRate: 3999 / 4000, latencyMs: { p50: 1.26, p90: 4, p99: 25.4, max: 90 } },
  },
  lastCrash: { generation: 2, at: new Date(0), error: new Error('it was ended'), lastStderr: [], readyMs: 1 },
} as unknown as PluginStatus;
const DOWN: PluginStatus = {
  state: 'backoff',
  generation: 1,
  reason: 'plugin AWS exited with code 1',
  uptimeMs: 0,
  restarts: 0,
  swaps: 0,
  failedOver: true,
  calls: NO_CALLS,
};

describe('the status table', () => {
  test('R-HOST-20 shows state, calls, success and latency of each plugin', () => {
    const table = statusTable({ OPENBAO: READY, AWS: DOWN }, 200, { KEYSTORE: (name) => name.toLowerCase() });
    expect(table).toEqual([
      'PLUGIN   STATE    KEYSTORE  GEN  UPTIME  CALLS  SUCCESS  P50     P99    HEALTH  RESTARTS  SWAPS  NOTE',
      'OPENBAO  ready    openbao   3    1 h     4000   99.9 %   1.3 ms  25 ms  good    1         2      last crash 1970-01-01T00:00:00.000Z: it was ended',
      'AWS      backoff  aws       1    -       0      -        -       -      -       0         0      calls go to the backup; plugin AWS exited with code 1',
    ]);
  });

  test('cuts what does not fit', () => {
    for (const line of statusTable({ OPENBAO: READY, AWS: DOWN }, 80)) expect(line.length).toBeLessThanOrEqual(80);
    expect(statusTable({ AWS: DOWN }, 80)[1]).toMatch(/…$/);
  });
});
