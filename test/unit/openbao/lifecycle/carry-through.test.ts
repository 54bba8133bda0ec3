import { KeystoreError, type KeystoreErrorClass } from '../../../../src/keystore/errors.ts';
import { toAnswer } from '../../../../src/openbao/answer.ts';
import { carryThrough } from '../../../../src/openbao/lifecycle/carry-through.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { recordLog } from '../../../support/record-log.ts';

type Step = Error | { readonly status: number; readonly text?: string; readonly retryAfter?: string };

const OK: Step = { status: 200, text: '{"data":{}}' };
const said = (status: number, text: string): Step => ({ status, text: JSON.stringify({ errors: [text] }) });
const LOST_RACE = said(500, '1 error occurred:\n\t* transaction commit failed\n\n');
const failed = (errorClass: KeystoreErrorClass, cause = 'ECONNRESET'): KeystoreError =>
  new KeystoreError(errorClass, 'failed', { cause });
const leave = new KeystoreError('cancelled', 'the caller went away');

const UNCLEAR: readonly (readonly [string, Step])[] = [
  ['a lost race', LOST_RACE],
  ['an error inside OpenBao', said(500, 'internal error')],
  ['leadership that was lost', said(500, 'leadership lost while committing log')],
  ['a context that ended', said(500, 'active context canceled after getting state lock')],
  ['a redirect after forwarding', { status: 307 }],
  ['a gateway that gave up', { status: 504, text: '<html>' }],
  ['a gateway that gave up in words of its own', { status: 524, text: '<html>' }],
  ['a proxy that waited no longer', { status: 408, text: '<html>' }],
  ['a connection that broke', failed('unreachable')],
  ['an answer that never came', failed('deadline-exceeded')],
  ['a node that is not the active one, or no longer', failed('no-active-node', 'x')],
  ['a node without a leader', said(500, 'local node not active but active cluster node not found')],
];

const NOT_DONE: readonly (readonly [string, Step])[] = [
  ['a connection that was refused', failed('unreachable', 'ECONNREFUSED')],
  ['a connection that was not made in time', failed('unreachable', 'UND_ERR_CONNECT_TIMEOUT')],
];

/** Plays answers in turn, the last one for ever, and moves the clock over each pause. */
async function play(
  steps: readonly Step[],
  {
    timeMs = 3000,
    leaveAfter = Infinity,
    isMade,
  }: { timeMs?: number; leaveAfter?: number; isMade?: () => Promise<boolean> } = {},
) {
  let longestPauseMs = 0;
  const clock = new ManualClock();
  const log = recordLog();
  const caller = new AbortController();
  let tries = 0;
  let result: unknown = 'under way';
  const write = (): Promise<ReturnType<typeof toAnswer>> => {
    const step = steps[Math.min(tries, steps.length - 1)]!;
    tries += 1;
    if (tries === leaveAfter) caller.abort(leave);
    if (step instanceof Error) return Promise.reject(step);
    return Promise.resolve(toAnswer(step.status, step.text ?? '', step.retryAfter));
  };
  const call = { signal: caller.signal, deadline: clock.now() + timeMs };
  carryThrough({ clock, log: log.log, keyId: 'k', call, write, ...(isMade && { isMade }) }).then(
    (outcome) => (result = outcome),
    (error: unknown) => (result = error),
  );
  while (result === 'under way') {
    await new Promise((resolve) => setImmediate(resolve));
    // The time of a try that has ended is no longer set; what is left is the pause before the next one.
    const [pause] = clock.pending;
    if (pause === undefined) continue;
    longestPauseMs = Math.max(longestPauseMs, pause);
    clock.advance(pause);
  }
  expect(clock.pending).toEqual([]);
  return { tries, result, log, longestPauseMs };
}

describe('R-CHANGE-04 a change without a clear outcome', () => {
  it.each(UNCLEAR)('is repeated until the answer is clear: %s', async (_name, step) => {
    const { tries, result, log } = await play([step, step, OK]);
    expect([tries, result]).toMatchObject([3, { answer: { status: 200 }, mayBeEarlier: true }]);
    expect(log.entries()).toEqual([expect.objectContaining({ '@level': 'warn', key_id: 'k' })]);
  });

  it.each(UNCLEAR)('is repeated although its caller has left: %s', async (_name, step) => {
    const { tries, result } = await play([step, step, OK], { leaveAfter: 1 });
    expect([tries, result]).toMatchObject([3, { answer: { status: 200 } }]);
  });

  it('is repeated although the time of the call is over', async () => {
    expect(await play([LOST_RACE, OK], { timeMs: 0 })).toMatchObject({ tries: 2 });
  });

  it.each([...NOT_DONE, ['a seal', said(503, 'Vault is sealed')] as const, ['a limit', { status: 429 }] as const])(
    'is repeated through what would otherwise end it: %s',
    async (_name, step) => {
      expect(await play([LOST_RACE, step, step, step, step, OK])).toMatchObject({ tries: 6 });
    },
  );

  it('ends with a refusal, which may speak of what it did itself', async () => {
    const { result } = await play([failed('unreachable'), said(400, 'could not delete key; not found')]);
    expect(result).toMatchObject({ answer: { status: 400 }, mayBeEarlier: true });
  });

  it('is repeated soon, however long the server asks for', async () => {
    const { tries, longestPauseMs } = await play([LOST_RACE, { status: 503, retryAfter: '999999' }, OK]);
    expect([tries, longestPauseMs <= 5000]).toEqual([3, true]);
  });

  it('R-KEY-36 of a kind that must not overlap itself is looked at before it is repeated', async () => {
    const looks = [() => Promise.reject(failed('unreachable')), () => Promise.resolve(true)];
    const { tries, result } = await play([failed('unreachable')], { isMade: () => looks.shift()!() });
    expect([tries, looks.length, result]).toMatchObject([1, 0, { answer: { status: 204 }, mayBeEarlier: true }]);
  });

  it('R-KEY-36 of that kind is repeated only when it was seen not to be made', async () => {
    const { tries } = await play([failed('unreachable'), OK], { isMade: () => Promise.resolve(false) });
    expect(tries).toBe(2);
  });

  it('that stays so for a minute is an alarm', async () => {
    const { result, log } = await play([LOST_RACE]);
    expect(result).toMatchObject({ class: 'key-state-diverged' });
    expect(log.entries().at(-1)).toMatchObject({ '@level': 'error', key_id: 'k' });
  });
});

describe('a change that was not carried out', () => {
  it.each(NOT_DONE)('is tried again: %s', async (_name, step) => {
    expect(await play([step, OK])).toMatchObject({ tries: 2, result: { mayBeEarlier: false } });
  });

  it('ends after three connections that could not be made', async () => {
    const { tries, result } = await play([failed('unreachable', 'ECONNREFUSED')]);
    expect([tries, result]).toMatchObject([3, { class: 'unreachable' }]);
  });

  it('ends with its caller', async () => {
    const { tries, result } = await play([failed('unreachable', 'ECONNREFUSED')], { leaveAfter: 2 });
    expect([tries, result]).toEqual([2, leave]);
  });

  it.each<readonly [string, Step, KeystoreErrorClass]>([
    ['a seal', said(503, 'Vault is sealed'), 'sealed'],
    ['a limit', { status: 429 }, 'rate-limited'],
    ['a login that is refused', failed('login-refused'), 'login-refused'],
  ])('ends at once with %s', async (_name, step, errorClass) => {
    expect(await play([step])).toMatchObject({ tries: 1, result: { class: errorClass } });
  });
});

describe('a clear answer', () => {
  it.each([
    ['a success', OK, 200],
    ['no content', { status: 204 }, 204],
    ['a denial', said(403, '1 error occurred:\n\t* permission denied\n\n'), 403],
    ['a refusal', said(400, 'deletion is not allowed for this key'), 400],
    ['a refusal in the form of a failure', said(500, 'refusing to use soft-deleted key'), 500],
  ] as const)('is the end: %s', async (_name, step, status) => {
    const { tries, result } = await play([step]);
    expect([tries, result]).toMatchObject([1, { answer: { status }, mayBeEarlier: false }]);
  });
});
