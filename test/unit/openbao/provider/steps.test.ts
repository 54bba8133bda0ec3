import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { makeAll, type Step } from '../../../../src/openbao/provider/steps.ts';

type Actor = string;

/** Parts a to d; what is done with them, by whom, is noted. */
function parts(failing: Readonly<Record<string, Error>> = {}) {
  const done: string[] = [];
  const act = (what: string) => async (actor: Actor) => {
    await Promise.resolve();
    done.push(`${actor} ${what}`);
    const error = failing[what];
    if (error !== undefined) throw error;
  };
  const part = (name: string): Step<Actor> => ({
    what: name,
    make: act(`makes ${name}`),
    unmake: act(`unmakes ${name}`),
  });
  const lasting: Step<Actor> = { what: 'c', make: act('makes c') };
  return { done, steps: [part('a'), part('b'), lasting, part('d')] };
}

async function run(steps: readonly Step<Actor>[], caller = new AbortController().signal) {
  const leftOver: string[] = [];
  const outcome = await makeAll(steps, {
    actor: 'maker',
    caller,
    undo: (work) => work('undoer'),
    onLeftOver: (what, error) => leftOver.push(`${what}: ${(error as Error).message}`),
  }).then(
    () => 'made',
    (error: unknown) => (error as Error).message,
  );
  return { leftOver, outcome };
}

const BROKEN = new Error('broken');

describe('R-PROVIDER-11 parts that are made as a whole or not at all', () => {
  test('are made in their order', async () => {
    const { done, steps } = parts();
    expect(await run(steps)).toEqual({ leftOver: [], outcome: 'made' });
    expect(done).toEqual(['maker makes a', 'maker makes b', 'maker makes c', 'maker makes d']);
  });

  test('are unmade in reverse order when one fails, that one too: it may be half made', async () => {
    const { done, steps } = parts({ 'makes d': BROKEN });
    expect(await run(steps)).toEqual({ leftOver: [], outcome: 'broken' });
    expect(done.slice(4)).toEqual(['undoer unmakes d', 'undoer unmakes b', 'undoer unmakes a']);
  });

  test('but not one that was denied, which cannot be there', async () => {
    const { done, steps } = parts({ 'makes b': new KeystoreError('permission-denied', 'denied') });
    expect(await run(steps)).toEqual({ leftOver: [], outcome: 'denied' });
    expect(done.slice(2)).toEqual(['undoer unmakes a']);
  });

  test('each whatever became of the others; what is left over is told, and the first failure thrown', async () => {
    const { done, steps } = parts({ 'makes d': BROKEN, 'unmakes d': new Error('no'), 'unmakes b': new Error('nor') });
    expect(await run(steps)).toEqual({ leftOver: ['d: no', 'b: nor'], outcome: 'broken' });
    expect(done.at(-1)).toBe('undoer unmakes a');
  });

  test('when the caller goes away in between; what was begun is finished before', async () => {
    const caller = new AbortController();
    const { done, steps } = parts();
    const [a, ...others] = steps;
    const leaving: Step<Actor> = {
      ...a!,
      make: async (actor) => {
        caller.abort(new KeystoreError('cancelled', 'gone'));
        await a!.make(actor);
      },
    };
    expect(await run([leaving, ...others], caller.signal)).toEqual({ leftOver: [], outcome: 'gone' });
    expect(done).toEqual(['maker makes a', 'undoer unmakes a']);
  });

  test('when the caller goes away while the last is made, since nobody would learn of them', async () => {
    const caller = new AbortController();
    const { done, steps } = parts();
    const last = steps.at(-1)!;
    const leaving: Step<Actor> = {
      ...last,
      make: async (actor) => {
        await last.make(actor);
        caller.abort(new KeystoreError('cancelled', 'gone'));
      },
    };
    expect(await run([...steps.slice(0, -1), leaving], caller.signal)).toEqual({ leftOver: [], outcome: 'gone' });
    expect(done.slice(4)).toEqual(['undoer unmakes d', 'undoer unmakes b', 'undoer unmakes a']);
  });

  test('nothing is begun for a caller who has gone', async () => {
    const { done, steps } = parts();
    const signal = AbortSignal.abort(new KeystoreError('cancelled', 'gone'));
    expect(await run(steps, signal)).toEqual({ leftOver: [], outcome: 'gone' });
    expect(done).toEqual([]);
  });
});
