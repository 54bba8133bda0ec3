import { createQueue, nextChange, unlessAborted, withinTime } from '../../../plugin-host/wait.ts';

const reason = new Error('enough');
const never = new Promise<never>(() => undefined);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

describe('within a time', () => {
  test('the outcome of the work, and no timer after it', async () => {
    const before = timers();
    await expect(
      withinTime(
        60_000,
        () => reason,
        undefined,
        () => Promise.resolve(7),
      ),
    ).resolves.toBe(7);
    await expect(
      withinTime(
        60_000,
        () => reason,
        undefined,
        () => Promise.reject(reason),
      ),
    ).rejects.toBe(reason);
    expect(timers()).toBe(before);
  });

  test('the reason, even of a work that takes no notice of its signal', async () => {
    await expect(
      withinTime(
        1,
        () => reason,
        undefined,
        () => never,
      ),
    ).rejects.toBe(reason);
  });

  test('the work’s signal aborts with the time, and with the given signal', async () => {
    const seen: unknown[] = [];
    const work = (signal: AbortSignal): Promise<never> => {
      signal.addEventListener('abort', () => seen.push(signal.reason));
      return never;
    };
    await expect(withinTime(1, () => reason, undefined, work)).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = withinTime(60_000, () => new Error('late'), controller.signal, work);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(seen).toEqual([reason, reason]);
  });

  test('a signal that has aborted lets the work not begin', async () => {
    const work = jest.fn(() => never);
    await expect(withinTime(60_000, () => reason, AbortSignal.abort(reason), work)).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
  });
});

test('a promise that is given up may be rejected later', async () => {
  const promise = Promise.withResolvers<never>();
  await expect(unlessAborted(promise.promise, AbortSignal.abort(reason))).rejects.toBe(reason);
  promise.reject(new Error('nobody looks'));
  await settled();
});

describe('the next change', () => {
  function source(): { onChange: (listener: () => void) => () => void; change: () => void; listeners: () => number } {
    const listeners = new Set<() => void>();
    return {
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      change: () => listeners.forEach((listener) => listener()),
      listeners: () => listeners.size,
    };
  }

  test('of any of them, and no listener after it', async () => {
    const [first, second] = [source(), source()];
    const change = nextChange([first, second], undefined);
    expect([first.listeners(), second.listeners()]).toEqual([1, 1]);
    second.change();
    await change;
    expect([first.listeners(), second.listeners()]).toEqual([0, 0]);
  });

  test('or the reason of the signal, and no listener after that', async () => {
    const one = source();
    const controller = new AbortController();
    const change = nextChange([one], controller.signal);
    controller.abort(reason);
    await expect(change).rejects.toBe(reason);
    expect(one.listeners()).toBe(0);
  });
});

test('a queue runs one work after the other, whatever becomes of each', async () => {
  const queue = createQueue();
  const first = Promise.withResolvers<number>();
  const log: string[] = [];
  const works = [
    queue(() => {
      log.push('first');
      return first.promise;
    }),
    queue(() => {
      log.push('second');
      return Promise.reject(reason);
    }),
    queue(() => {
      log.push('third');
      return Promise.resolve(3);
    }),
  ];
  const outcomes = Promise.allSettled(works);
  await settled();
  expect(log).toEqual(['first']);
  first.resolve(1);
  expect(await outcomes).toEqual([
    { status: 'fulfilled', value: 1 },
    { status: 'rejected', reason },
    { status: 'fulfilled', value: 3 },
  ]);
  expect(log).toEqual(['first', 'second', 'third']);
});
