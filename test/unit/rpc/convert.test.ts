import fc from 'fast-check';

import { toTimestamp, toTimestampOfDate } from '../../../src/rpc/convert.ts';

describe('timestamps', () => {
  it('of an instant keep every microsecond', () => {
    expect(toTimestamp({ seconds: 1_780_000_000, nanos: 3000 })).toEqual({ seconds: 1_780_000_000n, nanos: 3000 });
  });

  it('of a date are the date', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
        const { seconds, nanos } = toTimestampOfDate(new Date(ms));
        expect(Number(seconds) * 1000 + nanos / 1_000_000).toBe(ms);
        expect(nanos).toBeLessThan(1_000_000_000);
      }),
    );
  });
});
