import { PluginHostError } from '../../../plugin-host/errors.ts';
import { replaceGeneration, type SwapProgress } from '../../../plugin-host/replacement.ts';
import type { Life } from './life.ts';
import { type LifeStage, lifeStage, settled } from './life.ts';

const gone = new Error('gone');

interface Replacing {
  readonly steps: string[];
  readonly probe: PromiseWithResolvers<undefined> & { life?: Life; signal?: AbortSignal };
  readonly done: Promise<Life>;
}

/** Replaces by the plan `two`, with a probe under the test's control. */
function replace({ lifecycle }: LifeStage, signal?: AbortSignal): Replacing {
  const steps: string[] = [];
  const probe: Replacing['probe'] = Promise.withResolvers<undefined>();
  const done = replaceGeneration(lifecycle, {
    plugin: 'TEST',
    plan: 'two',
    signal,
    probe: (life, whileWanted) => {
      Object.assign(probe, { life, signal: whileWanted });
      return probe.promise;
    },
    onStep: ({ step, generation, previous }: SwapProgress) =>
      steps.push(`${step} ${generation}${previous === undefined ? '' : ` after ${previous}`}`),
  });
  done.catch(() => undefined);
  return { steps, probe, done };
}

async function readyStage(): Promise<LifeStage & { old: Life }> {
  const stage = lifeStage();
  return { ...stage, old: await stage.succeed() };
}

describe('replacement', () => {
  test('R-HOST-15 the old one serves until the new one is probed, then ends in order', async () => {
    const stage = await readyStage();
    const { lifecycle, old, states, begun, watched, succeed } = stage;
    const { steps, probe, done } = replace(stage);
    await settled();
    expect(begun.at(-1)).toMatchObject({ plan: 'two', generation: 2 });
    const fresh = await succeed();
    expect(probe.life).toBe(fresh);
    expect(lifecycle.serving()).toBe(old);
    expect(old.stops).toEqual([]);
    probe.resolve(undefined);
    await settled();
    expect(lifecycle.serving()).toBe(fresh);
    expect([...watched.keys()]).toEqual([fresh]);
    expect(old.stops).toMatchObject([{ reason: { code: 'ERR_REPLACED' } }]);
    expect(steps).toEqual(['begun 2 after 1', 'switched 2 after 1']);
    old.ended.resolve(undefined);
    await expect(done).resolves.toBe(fresh);
    expect(steps.at(-1)).toBe('done 2 after 1');
    expect(states).toEqual(['ready 1', 'ready 2']);
    expect(lifecycle.plan).toBe('two');
  });

  test('restarts after it are made from the new plan, and count anew', async () => {
    const stage = await readyStage();
    const { old, clock, begun, succeed, lifecycle } = stage;
    old.ended.resolve(undefined);
    const { probe, done } = replace(stage);
    await settled();
    const fresh = await succeed();
    fresh.ended.resolve(undefined);
    probe.resolve(undefined);
    await done;
    fresh.die(gone);
    expect(lifecycle.state).toMatchObject({ name: 'backoff', generation: 2, delayMs: 250 });
    await settled();
    clock.advance(250);
    await settled();
    expect(begun.at(-1)).toMatchObject({ plan: 'two', generation: 3 });
  });

  test.each([
    [
      'the start fails',
      'check',
      (stage: LifeStage) => stage.fail(new PluginHostError('ERR_CHECKSUM', 'another file', { step: 'check' })),
    ],
    [
      'the probe refuses',
      'probe',
      async ({ succeed }: LifeStage, { probe }: Replacing) => {
        (await succeed()).ended.resolve(undefined);
        probe.reject(new Error('another file'));
      },
    ],
    [
      'it dies in the probe',
      'probe',
      async ({ succeed }: LifeStage) => {
        const life = await succeed();
        life.ended.resolve(undefined);
        life.die(new Error('another file'));
      },
    ],
    [
      'it dies before the switch',
      'switch',
      async ({ succeed }: LifeStage, { probe }: Replacing) => {
        const life = await succeed();
        life.ended.resolve(undefined);
        probe.resolve(undefined);
        queueMicrotask(() => life.die(new Error('another file')));
      },
    ],
  ])('R-HOST-16 %s: rolled back, with the step and the reason', async (_name, step, happens) => {
    const stage = await readyStage();
    const { lifecycle, old, states, clock } = stage;
    const replacing = replace(stage);
    await settled();
    await happens(stage, replacing);
    await expect(replacing.done).rejects.toMatchObject({
      code: 'ERR_REPLACE',
      message: `plugin TEST was not replaced, at step ${step}: another file`,
      details: { plugin: 'TEST', step },
      cause: { message: 'another file' },
    });
    expect(replacing.steps).toEqual(['begun 2 after 1', 'rolled-back 2 after 1']);
    expect(lifecycle.serving()).toBe(old);
    expect(lifecycle.plan).toBe('one');
    expect({ states, pending: clock.pending, stops: old.stops }).toEqual({
      states: ['ready 1'],
      pending: [],
      stops: [],
    });
  });

  test('a new one that is refused is ended before the refusal is told', async () => {
    const stage = await readyStage();
    const { probe, done } = replace(stage);
    let told = false;
    done.catch(() => (told = true));
    await settled();
    const fresh = await stage.succeed();
    probe.reject(gone);
    await settled();
    expect(fresh.stops).toEqual([{ force: true }]);
    expect(told).toBe(false);
    fresh.ended.resolve(undefined);
    await settled();
    expect(told).toBe(true);
  });

  test.each(['while it starts', 'while it is probed'])('the signal gives it up %s', async (when) => {
    const stage = await readyStage();
    const controller = new AbortController();
    const { done, probe } = replace(stage, controller.signal);
    await settled();
    if (when === 'while it is probed') (await stage.succeed()).ended.resolve(undefined);
    controller.abort(gone);
    await expect(done).rejects.toBe(gone);
    expect(stage.lifecycle.serving()).toBe(stage.old);
    if (probe.signal) expect(probe.signal.aborted).toBe(true);
  });

  test('it waits for a start under way', async () => {
    const stage = lifeStage();
    const { probe, done } = replace(stage);
    await settled();
    expect(stage.begun).toHaveLength(1);
    const old = await stage.succeed();
    expect(stage.begun).toHaveLength(2);
    const fresh = await stage.succeed();
    probe.resolve(undefined);
    old.ended.resolve(undefined);
    await expect(done).resolves.toBe(fresh);
  });

  test('from failed: nothing served before', async () => {
    const stage = lifeStage({ maxRestarts: 0 });
    await stage.fail();
    const { steps, probe, done } = replace(stage);
    await settled();
    const fresh = await stage.succeed();
    probe.resolve(undefined);
    await expect(done).resolves.toBe(fresh);
    expect(steps).toEqual(['begun 2', 'switched 2', 'done 2']);
    expect(stage.states).toEqual(['failed 1', 'ready 2']);
  });

  test('R-HOST-17 an old one that dies meanwhile is not restarted if the new one takes over', async () => {
    const stage = await readyStage();
    const { lifecycle, old, clock, begun } = stage;
    old.ended.resolve(undefined);
    const { probe, done } = replace(stage);
    await settled();
    const fresh = await stage.succeed();
    old.die(gone);
    clock.advance(60_000);
    await settled();
    expect(lifecycle.state.name).toBe('backoff');
    expect(lifecycle.serving()).toBeUndefined();
    probe.resolve(undefined);
    await expect(done).resolves.toBe(fresh);
    await settled();
    expect(begun).toHaveLength(2);
    expect(lifecycle.serving()).toBe(fresh);
  });

  test('R-HOST-17 and is restarted from the old plan if it does not', async () => {
    const stage = await readyStage();
    const { lifecycle, old, clock, begun } = stage;
    old.ended.resolve(undefined);
    const { probe, done } = replace(stage);
    await settled();
    (await stage.succeed()).ended.resolve(undefined);
    old.die(gone);
    clock.advance(60_000);
    probe.reject(gone);
    await expect(done).rejects.toMatchObject({ code: 'ERR_REPLACE' });
    await settled();
    expect(lifecycle.state).toEqual({ name: 'starting', generation: 3 });
    expect(begun.at(-1)).toMatchObject({ plan: 'one', generation: 3 });
  });

  test('the old one dying while it drains changes nothing', async () => {
    const stage = await readyStage();
    const { probe, done } = replace(stage);
    await settled();
    const fresh = await stage.succeed();
    probe.resolve(undefined);
    await settled();
    stage.old.die(gone);
    expect(stage.lifecycle.serving()).toBe(fresh);
    stage.old.ended.resolve(undefined);
    await done;
    expect(stage.falls).toEqual([]);
  });

  test.each(['while it starts', 'while it is probed'])('R-HOST-17 close gives it up %s', async (when) => {
    const stage = await readyStage();
    const { lifecycle, old } = stage;
    const { done, probe } = replace(stage);
    await settled();
    const fresh = when === 'while it is probed' ? await stage.succeed() : undefined;
    const closing = lifecycle.close();
    if (fresh) expect(probe.signal!.reason).toMatchObject({ code: 'ERR_CLOSED' });
    await settled();
    expect(lifecycle.state.name).toBe('draining');
    old.ended.resolve(undefined);
    fresh?.ended.resolve(undefined);
    await closing;
    await expect(done).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(stage.states).toEqual(['ready 1', 'draining 1', 'closed 1']);
  });

  test('close hurries the draining of the old one', async () => {
    const stage = await readyStage();
    const { probe, done } = replace(stage);
    await settled();
    const fresh = await stage.succeed();
    probe.resolve(undefined);
    await settled();
    const closing = stage.lifecycle.close({ force: true });
    await settled();
    expect(stage.old.stops.at(-1)).toEqual({ force: true });
    expect(stage.lifecycle.state.name).toBe('draining');
    fresh.ended.resolve(undefined);
    stage.old.ended.resolve(undefined);
    await Promise.all([closing, done]);
  });

  test('there is none once the plugin is closed', async () => {
    const stage = lifeStage();
    await stage.lifecycle.close();
    await expect(replace(stage).done).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(stage.begun).toHaveLength(1);
  });
});
