import { setImmediate } from 'node:timers/promises';

import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { Lanes, MAX_WAITING, MAX_WAITING_IN_ALL } from '../../../../src/openbao/lifecycle/lanes.ts';

const never = new AbortController().signal;
const gone = new KeystoreError('cancelled', 'the caller went away');
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

/** A change that ends when it is told to. */
function change() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let begun = false;
  return {
    run: () => {
      begun = true;
      return promise;
    },
    get begun() {
      return begun;
    },
    end: () => resolve('done'),
    fail: reject,
  };
}

describe('R-CHANGE-02 changes of one key', () => {
  it('run one at a time, in the order they came', async () => {
    const lanes = new Lanes();
    const changes = [change(), change(), change()];
    const results = changes.map(({ run }) => lanes.run('k', never, run));
    for (const [index, current] of changes.entries()) {
      await setImmediate();
      expect(changes.map(({ begun }) => begun)).toEqual(changes.map((_, other) => other <= index));
      current.end();
      expect(await results[index]).toBe('done');
    }
  });

  it('of different keys run side by side', async () => {
    const lanes = new Lanes();
    const [one, other] = [change(), change()];
    const results = [lanes.run('one', never, one.run), lanes.run('other', never, other.run)];
    await setImmediate();
    expect([one.begun, other.begun]).toEqual([true, true]);
    one.end();
    other.end();
    await Promise.all(results);
  });

  it('go on after one that fails', async () => {
    const lanes = new Lanes();
    const [bad, good] = [change(), change()];
    const failed = failure(lanes.run('k', never, bad.run));
    const result = lanes.run('k', never, good.run);
    bad.fail(gone);
    good.end();
    expect([await failed, await result]).toEqual([gone, 'done']);
  });

  it('beyond the limit are refused at once', async () => {
    const lanes = new Lanes();
    const first = change();
    const waiting = Array.from({ length: MAX_WAITING + 1 }, () => lanes.run('k', never, first.run));
    expect(await failure(lanes.run('k', never, first.run))).toMatchObject({ class: 'overloaded' });
    first.end();
    await Promise.all(waiting);
    expect(await lanes.run('k', never, first.run)).toBe('done');
  });
});

describe('R-CHANGE-03 when a caller goes away', () => {
  it('the change that has begun is carried through, and the next one waits for it', async () => {
    const lanes = new Lanes();
    const caller = new AbortController();
    const [running, next] = [change(), change()];
    const result = failure(lanes.run('k', caller.signal, running.run));
    const nextResult = lanes.run('k', never, next.run);
    await setImmediate();
    caller.abort(gone);
    expect(await result).toBe(gone);
    await setImmediate();
    expect(next.begun).toBe(false);
    running.end();
    next.end();
    expect(await nextResult).toBe('done');
  });

  it('the change that has not begun never begins', async () => {
    const lanes = new Lanes();
    const caller = new AbortController();
    const [running, waiting] = [change(), change()];
    const first = lanes.run('k', never, running.run);
    const result = failure(lanes.run('k', caller.signal, waiting.run));
    caller.abort(gone);
    expect(await result).toBe(gone);
    running.end();
    await first;
    await setImmediate();
    expect(waiting.begun).toBe(false);
  });
});

describe('R-CHANGE-03 callers that have gone', () => {
  it('leave their place and what they hold at once, however long the change before them takes', async () => {
    const lanes = new Lanes();
    const caller = new AbortController();
    const [hung, late] = [change(), change()];
    const running = lanes.run('k', never, hung.run);
    let released = 0;
    const waiting = Array.from({ length: MAX_WAITING }, () =>
      failure(lanes.run('k', caller.signal, late.run, () => (released += 1))),
    );
    caller.abort(gone);
    await Promise.all(waiting);
    expect(released).toBe(MAX_WAITING);
    const next = lanes.run('k', never, late.run);
    hung.end();
    late.end();
    expect(await Promise.all([running, next])).toEqual(['done', 'done']);
  });

  it('and those of all keys together are bounded', async () => {
    const lanes = new Lanes();
    const hung = change();
    const keys = Array.from({ length: MAX_WAITING_IN_ALL / MAX_WAITING + 1 }, (_, index) => `k${index}`);
    const outcomes = keys.flatMap((key) =>
      Array.from({ length: MAX_WAITING + 1 }, () => failure(lanes.run(key, never, hung.run))),
    );
    hung.end();
    const refused = (await Promise.all(outcomes)).filter((outcome) => outcome instanceof KeystoreError);
    expect(refused).toHaveLength(MAX_WAITING);
  });
});

describe('what a change holds is released once', () => {
  it.each(['that ends', 'that fails', 'whose caller left before it began', 'that is one too many'])(
    'of a change %s',
    async (which) => {
      const lanes = new Lanes();
      const before = change();
      const crowd = Array.from({ length: which.includes('too many') ? MAX_WAITING + 1 : 1 }, () =>
        lanes.run('k', never, before.run),
      );
      const caller = new AbortController();
      const mine = change();
      let released = 0;
      const result = failure(lanes.run('k', caller.signal, mine.run, () => (released += 1)));
      if (which.includes('left')) caller.abort(gone);
      before.end();
      if (which.includes('fails')) mine.fail(gone);
      else mine.end();
      await Promise.all([result, ...crowd]);
      await setImmediate();
      expect(released).toBe(1);
    },
  );
});
