import { getEventListeners } from 'node:events';

import { KeystoreError } from '../../../src/keystore/errors.ts';
import { budget, delay, waitFor } from '../../../src/openbao/waiting.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const gone = new KeystoreError('cancelled', 'gone');

describe('waitFor', () => {
  it('passes on what the work brings, and leaves no listener', async () => {
    const caller = new AbortController();
    await expect(waitFor(Promise.resolve(1), caller.signal)).resolves.toBe(1);
    await expect(waitFor(Promise.reject(new Error('failed')), caller.signal)).rejects.toThrow('failed');
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
  });

  it('R-AUTH-12 ends with the caller while the work goes on', async () => {
    const caller = new AbortController();
    const { promise: work, resolve } = Promise.withResolvers<string>();
    const waiting = waitFor(work, caller.signal);
    caller.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    resolve('done');
    await expect(work).resolves.toBe('done');
  });

  it.each([
    ['before', true],
    ['after', false],
  ])('work that fails when nobody waits any more is no unhandled rejection: caller gone %s', async (_when, early) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const caller = new AbortController();
      if (early) caller.abort(gone);
      const { promise: work, reject } = Promise.withResolvers<string>();
      const waiting = waitFor(work, caller.signal);
      caller.abort(gone);
      await expect(waiting).rejects.toBe(gone);
      reject(new Error('late'));
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('delay and budget', () => {
  it('end in time, or with the caller, and leave no timer', async () => {
    const clock = new ManualClock();
    const caller = new AbortController();
    const pause = delay(clock, 50, caller.signal);
    clock.advance(50);
    await expect(pause).resolves.toBeUndefined();
    const broken = delay(clock, 50, caller.signal);
    caller.abort(gone);
    await expect(broken).rejects.toBe(gone);
    expect(clock.pending).toEqual([]);
  });

  it('a budget aborts in the words of the table', () => {
    const clock = new ManualClock();
    const time = budget(clock, 1000, 'the login');
    clock.advance(999);
    expect(time.signal.aborted).toBe(false);
    clock.advance(1);
    expect(time.signal.reason).toMatchObject({ class: 'deadline-exceeded', message: 'the login took too long' });
  });

  it('a budget that is done never aborts', () => {
    const clock = new ManualClock();
    const time = budget(clock, 1000, 'the login');
    time.done();
    expect(clock.pending).toEqual([]);
    clock.advance(5000);
    expect(time.signal.aborted).toBe(false);
  });
});
