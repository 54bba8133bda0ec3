import { KeystoreError } from '../../../src/keystore/errors.ts';
import { Limiter } from '../../../src/openbao/limiter.ts';

const never = new AbortController().signal;

function work(): { readonly run: () => Promise<string>; readonly started: () => boolean; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let started = false;
  return {
    run: () => {
      started = true;
      return promise;
    },
    started: () => started,
    end: () => {
      resolve('done');
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Limiter', () => {
  it('lets so many work, so many wait, and refuses one more at once', async () => {
    const limiter = new Limiter(2, 1);
    const [a, b, c] = [work(), work(), work()];
    const running = [a, b, c].map(({ run }) => limiter.run(never, run));
    await expect(limiter.run(never, work().run)).rejects.toMatchObject({ class: 'overloaded' });
    expect([a, b, c].map(({ started }) => started())).toEqual([true, true, false]);
    a.end();
    await turn();
    expect(c.started()).toBe(true);
    b.end();
    c.end();
    await expect(Promise.all(running)).resolves.toEqual(['done', 'done', 'done']);
  });

  it('serves those who wait in their order', async () => {
    const limiter = new Limiter(1, 10);
    const order: number[] = [];
    await Promise.all(
      [1, 2, 3, 4].map((number) =>
        limiter.run(never, async () => {
          order.push(number);
          await turn();
        }),
      ),
    );
    expect(order).toEqual([1, 2, 3, 4]);
  });

  it('gives the turn back when work fails or throws', async () => {
    const limiter = new Limiter(1, 0);
    await expect(limiter.run(never, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    const thrower = (): Promise<never> => {
      throw new Error('threw');
    };
    await expect(limiter.run(never, thrower)).rejects.toThrow('threw');
    await expect(limiter.run(never, () => Promise.resolve('next'))).resolves.toBe('next');
  });

  it('gives up the place of a caller that goes away', async () => {
    const limiter = new Limiter(1, 1);
    const busy = work();
    const running = limiter.run(never, busy.run);
    const caller = new AbortController();
    const reason = new KeystoreError('cancelled', 'gone');
    const waiting = limiter.run(caller.signal, work().run);
    caller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    const next = limiter.run(never, () => Promise.resolve('next'));
    busy.end();
    await expect(running).resolves.toBe('done');
    await expect(next).resolves.toBe('next');
  });

  it('loses no turn to a caller that goes away in the moment its turn comes', async () => {
    const limiter = new Limiter(1, 5);
    const busy = work();
    const running = limiter.run(never, busy.run);
    const caller = new AbortController();
    const waiting = limiter.run(caller.signal, work().run).catch(() => 'gone');
    const next = limiter.run(never, () => Promise.resolve('next'));
    caller.abort(new KeystoreError('cancelled', 'gone'));
    busy.end();
    expect(await Promise.all([running, waiting, next])).toEqual(['done', 'gone', 'next']);
  });

  it('keeps count over a storm of calls that come and go', async () => {
    const limiter = new Limiter(3, 1000);
    let atWork = 0;
    let most = 0;
    const calls = Array.from({ length: 500 }, (_, index) => {
      const caller = new AbortController();
      if (index % 3 === 0) setImmediate(() => caller.abort(new KeystoreError('cancelled', 'gone')));
      return limiter
        .run(caller.signal, async () => {
          atWork += 1;
          most = Math.max(most, atWork);
          await turn();
          atWork -= 1;
        })
        .catch(() => undefined);
    });
    await Promise.all(calls);
    expect([atWork, most]).toEqual([0, 3]);
    await expect(Promise.all([1, 2, 3].map(() => limiter.run(never, turn)))).resolves.toHaveLength(3);
  });
});
