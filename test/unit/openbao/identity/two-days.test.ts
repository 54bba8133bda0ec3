import { liveTwoDays } from './two-days.ts';

const SEEDS = 1000;
const SEEDS_PER_TEST = 100;

// Jest fails a test that leaves an unhandled rejection.
const starts = Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, index) => index * SEEDS_PER_TEST);

describe('R-AUTH-60 two days of tokens of 1 h and at most 4 h, with outages, lost answers, revocations and policies that come and go', () => {
  it.each(starts)(
    'of the hundred seeds from %i no caller gets an authentication error without a cause, and nothing is left',
    async (start) => {
      const wrong: string[] = [];
      let [calls, failedCalls] = [0, 0];
      for (let seed = start; seed < start + SEEDS_PER_TEST; seed += 1) {
        const days = await liveTwoDays(seed);
        wrong.push(...days.wrong.slice(0, 5).map((what) => `seed ${seed}: ${what}`));
        calls += days.calls;
        failedCalls += days.failedCalls;
      }
      expect(wrong).toEqual([]);
      // Otherwise there were no troubles to speak of, or nothing else.
      expect(failedCalls).toBeGreaterThan(calls / 50);
      expect(failedCalls).toBeLessThan(calls / 5);
    },
  );

  it('is the same life for the same seed', async () => {
    expect(await liveTwoDays(7)).toEqual(await liveTwoDays(7));
  });
});
