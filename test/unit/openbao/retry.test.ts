import { KeystoreError, type KeystoreErrorClass } from '../../../src/keystore/errors.ts';
import { CONNECTION_FAILURES, FAILURES_OF_FREE_REQUESTS, withRetry } from '../../../src/openbao/retry.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const never = new AbortController().signal;
const fail = (errorClass: KeystoreErrorClass): KeystoreError => new KeystoreError(errorClass, 'failed');

/** Tries with failures in turn, and moves the clock over each pause. */
async function outcome(
  failures: readonly Error[],
  { on = FAILURES_OF_FREE_REQUESTS, timeMs = 60_000 } = {},
): Promise<{ tries: number; result: unknown; pauses: number[] }> {
  const clock = new ManualClock();
  const pauses: number[] = [];
  let tries = 0;
  let result: unknown = 'waiting';
  const attempt = (): Promise<string> => {
    const failure = failures[tries];
    tries += 1;
    return failure === undefined ? Promise.resolve('done') : Promise.reject(failure);
  };
  withRetry(clock, { deadline: clock.now() + timeMs, signal: never, on }, attempt).then(
    (value) => (result = value),
    (error: unknown) => (result = error),
  );
  while (result === 'waiting') {
    await new Promise((resolve) => setImmediate(resolve));
    const [pause] = clock.pending;
    if (pause === undefined) continue;
    pauses.push(pause);
    clock.advance(pause);
  }
  expect(clock.pending).toEqual([]);
  return { tries, result, pauses };
}

describe('R-ERR-13 the retry layer', () => {
  it('tries three times, with growing pauses', async () => {
    const last = fail('unreachable');
    const { tries, result, pauses } = await outcome([fail('unreachable'), fail('no-active-node'), last]);
    expect([tries, result]).toEqual([3, last]);
    expect(pauses).toEqual([40, 80]);
  });

  it('succeeds when a later try does', async () => {
    expect(await outcome([fail('unreachable'), fail('server-error')])).toMatchObject({ tries: 3, result: 'done' });
  });

  it.each<KeystoreErrorClass>([
    'permission-denied',
    'invalid-request',
    'key-disabled',
    'integrity-failure',
    'rate-limited',
    'overloaded',
    'sealed',
    'tls-failure',
    'malformed-answer',
    'deadline-exceeded',
    'cancelled',
    'login-refused',
  ])('does not repeat what %s refused', async (errorClass) => {
    expect(await outcome([fail(errorClass)])).toMatchObject({ tries: 1 });
  });

  it('does not repeat a defect', async () => {
    expect(await outcome([new TypeError('defect')])).toMatchObject({ tries: 1 });
  });

  it('begins no try that cannot end inside the time of the call', async () => {
    expect(await outcome([fail('unreachable'), fail('unreachable')], { timeMs: 50 })).toMatchObject({ tries: 1 });
    expect(await outcome([fail('unreachable'), fail('unreachable')], { timeMs: 65 })).toMatchObject({ tries: 2 });
  });

  it('repeats after a failure of the server only what may be carried out twice', async () => {
    const on = CONNECTION_FAILURES;
    expect(await outcome([fail('server-error')], { on })).toMatchObject({ tries: 1 });
    expect(await outcome([fail('unreachable')], { on })).toMatchObject({ tries: 2, result: 'done' });
  });

  it('ends with the caller, in the middle of a pause', async () => {
    const clock = new ManualClock();
    const caller = new AbortController();
    const gone = fail('cancelled');
    const limits = { deadline: Infinity, signal: caller.signal, on: CONNECTION_FAILURES };
    const running = withRetry(clock, limits, () => Promise.reject(fail('unreachable')));
    running.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.pending).toHaveLength(1);
    caller.abort(gone);
    await expect(running).rejects.toBe(gone);
    expect(clock.pending).toEqual([]);
  });
});
