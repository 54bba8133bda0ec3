import { watchParent } from '../../../src/serve/orphan-guard.ts';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('P35: tells once that the parent has changed, within half a second', () => {
  let parent = 4711;
  const onLost = jest.fn();
  watchParent({ parentId: () => parent, onLost });
  jest.advanceTimersByTime(60_000);
  expect(onLost).not.toHaveBeenCalled();
  parent = 1;
  jest.advanceTimersByTime(500);
  expect(onLost).toHaveBeenCalledTimes(1);
  parent = 2;
  jest.advanceTimersByTime(60_000);
  expect(onLost).toHaveBeenCalledTimes(1);
  expect(jest.getTimerCount()).toBe(0);
});

test('a plugin that is started by process 1 is no orphan', () => {
  const onLost = jest.fn();
  const guard = watchParent({ parentId: () => 1, onLost });
  jest.advanceTimersByTime(60_000);
  expect(onLost).not.toHaveBeenCalled();
  guard.close();
});

test('tells nothing once closed', () => {
  let parent = 4711;
  const onLost = jest.fn();
  const guard = watchParent({ parentId: () => parent, onLost });
  guard.close();
  guard.close();
  parent = 1;
  jest.advanceTimersByTime(60_000);
  expect(onLost).not.toHaveBeenCalled();
  expect(jest.getTimerCount()).toBe(0);
});
