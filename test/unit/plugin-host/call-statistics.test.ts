import { type CallOutcome, type CallStatistics, createCallStatistics } from '../../../plugin-host/call-statistics.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;

function call(statistics: CallStatistics, outcome: CallOutcome, ms = 1): void {
  statistics.begin();
  statistics.end(outcome, ms);
}

describe('call statistics', () => {
  test('of no calls', () => {
    expect(createCallStatistics(new ManualClock()).status()).toEqual({
      operations: 0,
      outcomes: { ok: 0, refused: 0, late: 0, lost: 0, cancelled: 0 },
      inFlight: 0,
      recent: { operations: 0, successRate: undefined, latencyMs: undefined },
    });
  });

  test('R-HOST-20 count each outcome; the rate leaves cancelled calls out', () => {
    const statistics = createCallStatistics(new ManualClock());
    for (let count = 0; count < 6; count += 1) call(statistics, 'ok');
    for (const outcome of ['refused', 'late', 'cancelled', 'cancelled'] as const) call(statistics, outcome);
    statistics.turnAway('lost');
    statistics.turnAway('lost');
    statistics.begin();
    expect(statistics.status()).toMatchObject({
      operations: 12,
      outcomes: { ok: 6, refused: 1, late: 1, lost: 2, cancelled: 2 },
      inFlight: 1,
      recent: { operations: 12, successRate: 0.6 },
    });
  });

  test('latency is that of answers and refusals', () => {
    const statistics = createCallStatistics(new ManualClock());
    for (const ms of [1, 2, 3, 4, 5, 6, 7, 8, 9]) call(statistics, 'ok', ms);
    call(statistics, 'refused', 100);
    call(statistics, 'late', 10_000);
    call(statistics, 'lost', 10_000);
    const { latencyMs } = statistics.status().recent;
    expect(latencyMs?.max).toBe(100);
    expect(latencyMs?.p50).toBeCloseTo(5, 0);
    expect(latencyMs?.p99).toBe(100);
    expect(latencyMs?.p90).toBeCloseTo(9, 0);
  });

  test('rate and latency forget what is older than 5 to 10 minutes, the counts do not', () => {
    const clock = new ManualClock();
    const statistics = createCallStatistics(clock);
    call(statistics, 'lost', 50);
    call(statistics, 'ok', 50);
    clock.advance(7 * MINUTE);
    call(statistics, 'ok', 1);
    expect(statistics.status()).toMatchObject({ operations: 3, recent: { operations: 3, latencyMs: { max: 50 } } });
    clock.advance(4 * MINUTE);
    expect(statistics.status()).toMatchObject({
      operations: 3,
      recent: { operations: 1, successRate: 1, latencyMs: { max: 1 } },
    });
    clock.advance(10 * MINUTE);
    expect(statistics.status()).toMatchObject({ operations: 3, recent: { operations: 0, successRate: undefined } });
  });

  test('a long silence leaves nothing recent', () => {
    const clock = new ManualClock();
    const statistics = createCallStatistics(clock);
    call(statistics, 'ok');
    clock.advance(100 * MINUTE);
    expect(statistics.status().recent.operations).toBe(0);
    call(statistics, 'ok');
    expect(statistics.status().recent.operations).toBe(1);
  });
});
