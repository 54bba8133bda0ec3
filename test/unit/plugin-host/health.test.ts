import { type HealthResult, watchHealth } from '../../../plugin-host/health.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const limits = { intervalMs: 30_000, timeoutMs: 5000, failures: 3 };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function watch(): {
  clock: ManualClock;
  checks: { timeoutMs: number; signal: AbortSignal; answer: PromiseWithResolvers<undefined> }[];
  results: HealthResult[];
  unhealthy: Error[];
  stop: () => void;
  /** Lets an interval pass, and the check that comes of it end. */
  round: (error?: Error) => Promise<void>;
} {
  const clock = new ManualClock();
  const checks: ReturnType<typeof watch>['checks'] = [];
  const results: HealthResult[] = [];
  const unhealthy: Error[] = [];
  const stop = watchHealth({
    check: (timeoutMs, signal) => {
      const answer = Promise.withResolvers<undefined>();
      checks.push({ timeoutMs, signal, answer });
      return answer.promise;
    },
    limits,
    clock,
    onResult: (result) => results.push(result),
    onUnhealthy: (error) => unhealthy.push(error),
  });
  const round = async (error?: Error): Promise<void> => {
    clock.advance(limits.intervalMs);
    const { answer } = checks.at(-1)!;
    if (error) answer.reject(error);
    else answer.resolve(undefined);
    await settled();
  };
  return { clock, checks, results, unhealthy, stop, round };
}

const bad = new Error('bad');

describe('health watch', () => {
  test('asks at intervals, the next one only when the one before has ended', async () => {
    const { clock, checks, results, stop } = watch();
    clock.advance(29_999);
    expect(checks).toHaveLength(0);
    clock.advance(1);
    expect(checks).toMatchObject([{ timeoutMs: 5000 }]);
    clock.advance(1_000_000);
    expect(checks).toHaveLength(1);
    checks[0]!.answer.resolve(undefined);
    await settled();
    expect(results).toEqual([{ healthy: true, failures: 0 }]);
    clock.advance(30_000);
    expect(checks).toHaveLength(2);
    stop();
    expect(clock.pending).toEqual([]);
  });

  test('R-HOST-14 three failures in a row are enough, and then it asks no more', async () => {
    const { clock, results, unhealthy, round } = watch();
    await round(bad);
    await round(bad);
    expect(unhealthy).toEqual([]);
    await round(bad);
    expect(unhealthy).toEqual([bad]);
    expect(results).toEqual([1, 2, 3].map((failures) => ({ healthy: false, failures, error: bad })));
    expect(clock.pending).toEqual([]);
  });

  test('a success in between begins the count anew', async () => {
    const { unhealthy, results, round } = watch();
    for (const error of [bad, bad, undefined, bad, bad]) await round(error);
    expect(unhealthy).toEqual([]);
    expect(results.map(({ failures }) => failures)).toEqual([1, 2, 0, 1, 2]);
    await round(bad);
    expect(unhealthy).toEqual([bad]);
  });

  test('a stop ends the check under way and what comes of it', async () => {
    const { clock, checks, results, unhealthy, stop } = watch();
    clock.advance(30_000);
    stop();
    expect(checks[0]!.signal.aborted).toBe(true);
    checks[0]!.answer.reject(bad);
    await settled();
    expect({ results, unhealthy, pending: clock.pending }).toEqual({ results: [], unhealthy: [], pending: [] });
  });
});
