import fc from 'fast-check';

import { LatencyHistogram } from '../../../plugin-host/latency-histogram.ts';

function of(durations: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of durations) histogram.add(ms);
  return histogram;
}

/** The duration at which the fraction is reached. */
function exactly(durations: readonly number[], fraction: number): number {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(fraction * sorted.length)) - 1]!;
}

describe('latency histogram', () => {
  test('of nothing', () => {
    const histogram = new LatencyHistogram();
    expect([histogram.count, histogram.maxMs, histogram.percentile(0.5)]).toEqual([0, 0, 0]);
  });

  test.each([0.5, 0.9, 0.99, 1])('the percentile %p is at most 9.1 %% above the truth, never below it', (fraction) => {
    const durations = fc.array(fc.double({ min: 0.05, max: 3_000_000, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(durations, (list) => {
        const truth = exactly(list, fraction);
        const answer = of(list).percentile(fraction);
        expect(answer).toBeGreaterThanOrEqual(truth * (1 - 1e-9));
        expect(answer).toBeLessThanOrEqual(truth * 2 ** (1 / 8) * (1 + 1e-9));
      }),
    );
  });

  test('durations beyond both ends are counted', () => {
    const histogram = of([0, 0.001, 1e9]);
    expect(histogram.count).toBe(3);
    expect(histogram.percentile(0.5)).toBe(0.05);
    expect(histogram.percentile(1)).toBe(1e9);
    expect(histogram.maxMs).toBe(1e9);
  });

  test('two together are one of all', () => {
    const some = fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { maxLength: 30 });
    fc.assert(
      fc.property(some, some, (first, second) => {
        const merged = of(first).merged(of(second));
        const all = of([...first, ...second]);
        for (const histogram of [merged, all]) expect(histogram.count).toBe(first.length + second.length);
        expect(merged.maxMs).toBe(all.maxMs);
        for (const fraction of [0.1, 0.5, 0.99]) expect(merged.percentile(fraction)).toBe(all.percentile(fraction));
      }),
    );
  });
});
