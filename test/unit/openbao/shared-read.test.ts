import { SharedRead } from '../../../src/openbao/shared-read.ts';

interface Reads {
  readonly shared: SharedRead<number>;
  /** Number of reads begun. */
  readonly begun: () => number;
  read(key?: string): Promise<number>;
  /** Ends the oldest open read with the number of reads begun when it began. */
  settle(error?: Error): Promise<void>;
}

function reads(): Reads {
  const open: (() => void)[] = [];
  const failures: ((error: Error) => void)[] = [];
  const shared = new SharedRead<number>();
  let begun = 0;
  return {
    shared,
    begun: () => begun,
    read: (key = 'k') =>
      shared.read(key, () => {
        begun += 1;
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        const number = begun;
        open.push(() => {
          resolve(number);
        });
        failures.push(reject);
        return promise;
      }),
    async settle(error) {
      const [resolve, reject] = [open.shift(), failures.shift()];
      if (error === undefined) resolve?.();
      else reject?.(error);
      await new Promise((next) => setImmediate(next));
    },
  };
}

describe('SharedRead', () => {
  it('R-KEY-11 lets those who come meanwhile share the next request', async () => {
    const { read, settle, begun } = reads();
    const first = read();
    const others = [read(), read(), read()];
    expect(begun()).toBe(1);
    await settle();
    expect(begun()).toBe(2);
    await settle();
    await expect(first).resolves.toBe(1);
    await expect(Promise.all(others)).resolves.toEqual([2, 2, 2]);
  });

  it('R-KEY-10 never answers a caller from a read that began before it came', async () => {
    const { read, settle, begun } = reads();
    const first = read();
    const second = read();
    await settle();
    const third = read();
    expect(begun()).toBe(2);
    await settle();
    await settle();
    await expect(Promise.all([first, second, third])).resolves.toEqual([1, 2, 3]);
  });

  it('begins anew once all is settled, and keeps keys apart', async () => {
    const { read, settle, begun } = reads();
    const pair = [read('a'), read('b')];
    await settle();
    await settle();
    await expect(Promise.all(pair)).resolves.toEqual([1, 2]);
    const again = read('a');
    expect(begun()).toBe(3);
    await settle();
    await expect(again).resolves.toBe(3);
  });

  it('a failure reaches those who share it and nobody else', async () => {
    const { read, settle } = reads();
    const first = read();
    const second = read();
    const third = read();
    first.catch(() => undefined);
    await settle(new Error('first'));
    const late = read();
    second.catch(() => undefined);
    third.catch(() => undefined);
    await settle(new Error('second'));
    await settle();
    await expect(first).rejects.toThrow('first');
    await expect(second).rejects.toThrow('second');
    await expect(third).rejects.toThrow('second');
    await expect(late).resolves.toBe(3);
  });
});
