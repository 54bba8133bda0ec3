import { systemClock } from '../../../src/openbao/clock.ts';

const MAX_TIMER_MS = 2 ** 31 - 1;

afterEach(() => {
  jest.useRealTimers();
});

it.each([1, MAX_TIMER_MS, MAX_TIMER_MS + 1, 90 * 86_400_000])('a delay of %i ms ends then, and not before', (ms) => {
  jest.useFakeTimers();
  const callback = jest.fn();
  systemClock.schedule(ms, callback);
  jest.advanceTimersByTime(ms - 1);
  expect(callback).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1);
  expect(callback).toHaveBeenCalledTimes(1);
  jest.runAllTimers();
  expect(callback).toHaveBeenCalledTimes(1);
});

it('a delay of many timers can be cancelled in each of them', () => {
  jest.useFakeTimers();
  const callback = jest.fn();
  const cancel = systemClock.schedule(90 * 86_400_000, callback);
  jest.advanceTimersByTime(MAX_TIMER_MS + 5);
  cancel();
  jest.runAllTimers();
  expect(callback).not.toHaveBeenCalled();
});
