import { within } from '../../../src/serve/within.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('true when it settles in time, and no timer stays', async () => {
  expect(await within(Promise.resolve('x'), 1000)).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
});

test('false when it does not', async () => {
  const answer = within(new Promise(() => undefined), 1000);
  await jest.advanceTimersByTimeAsync(1000);
  expect(await answer).toBe(false);
});

test('a rejection in time passes through, a late one is ignored', async () => {
  await expect(within(Promise.reject(new Error('early')), 1000)).rejects.toThrow('early');
  expect(jest.getTimerCount()).toBe(0);
  const late = Promise.withResolvers<never>();
  const answer = within(late.promise, 1000);
  await jest.advanceTimersByTimeAsync(1000);
  late.reject(new Error('late'));
  expect(await answer).toBe(false);
});
