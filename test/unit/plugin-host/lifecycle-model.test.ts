import fc from 'fast-check';

import { replaceGeneration } from '../../../plugin-host/replacement.ts';
import { Life, type LifeStage, lifeStage, settled } from './life.ts';

/** What may follow upon a state. */
const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  starting: ['ready', 'backoff', 'failed', 'draining'],
  ready: ['ready', 'backoff', 'failed', 'draining'],
  backoff: ['starting', 'ready', 'draining', 'closed'],
  failed: ['starting', 'ready', 'draining', 'closed'],
  draining: ['closed'],
  closed: [],
};

/** A machine, every life it was given, and the replacement under way. */
interface World extends LifeStage {
  readonly lives: Life[];
  readonly answered: Set<LifeStage['begun'][number]>;
  replacing: boolean;
  probe: PromiseWithResolvers<undefined>;
}

const over = new Error('over');

function underWay({ begun, answered }: World): LifeStage['begun'] {
  return begun.filter((start) => !start.signal.aborted && !answered.has(start));
}

/** A start that is under way; it is answered with this. */
function open(world: World): LifeStage['begun'][number] | undefined {
  const [start] = underWay(world);
  if (start) world.answered.add(start);
  return start;
}

const ACTIONS: Readonly<Record<string, (world: World) => void>> = {
  'a start succeeds': (world) => {
    const start = open(world);
    if (!start) return;
    const life = new Life(start.generation);
    world.lives.push(life);
    start.outcome.resolve(life);
  },
  'a start fails': (world) => open(world)?.outcome.reject(over),
  'what serves dies': ({ lifecycle }) => serving(lifecycle)?.die(over),
  'the newest dies': ({ lives }) => lives.at(-1)?.die(over),
  'what serves is unhealthy': ({ lifecycle, watched }) => {
    const life = serving(lifecycle);
    if (life) watched.get(life)?.(over);
  },
  'what was told to end ends': ({ lives }) => {
    for (const life of lives.filter(wasEnded)) life.ended.resolve(undefined);
  },
  'a second passes': ({ clock }) => clock.advance(1000),
  'an hour passes': ({ clock }) => clock.advance(3_600_000),
  // A handle keeps the two apart.
  'somebody restarts': ({ lifecycle, replacing }) => {
    if (!replacing) lifecycle.restart();
  },
  'somebody replaces': (world) => {
    if (world.replacing) return;
    world.replacing = true;
    world.probe = Promise.withResolvers<undefined>();
    replaceGeneration(world.lifecycle, {
      plugin: 'TEST',
      plan: 'two',
      probe: () => world.probe.promise,
      onStep: () => undefined,
    })
      .catch(() => undefined)
      .finally(() => (world.replacing = false));
  },
  'the probe is content': ({ probe }) => probe.resolve(undefined),
  'the probe refuses': ({ probe }) => {
    probe.promise.catch(() => undefined);
    probe.reject(over);
  },
};

function serving(lifecycle: LifeStage['lifecycle']): Life | undefined {
  try {
    return lifecycle.serving();
  } catch {
    return undefined;
  }
}

function wasEnded({ stops, kills }: Life): boolean {
  return stops.length + kills.length > 0;
}

function check(world: World): void {
  const { lifecycle, clock, watched } = world;
  expect(underWay(world).length).toBeLessThanOrEqual(1);
  const { name } = lifecycle.state;
  const life = serving(lifecycle);
  expect(life !== undefined).toBe(name === 'ready');
  if (life) {
    expect(life.gone.aborted).toBe(false);
    expect(wasEnded(life)).toBe(false);
  }
  expect([...watched.keys()]).toEqual(life ? [life] : []);
  expect(clock.pending.length).toBeLessThanOrEqual(name === 'backoff' ? 1 : 0);
}

test('R-HOST-17 whatever happens in whatever order: one life serves or none, and close ends them all', async () => {
  const actions = fc.array(fc.constantFrom(...Object.keys(ACTIONS)), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(actions, async (names) => {
      const world: World = {
        ...lifeStage({ maxRestarts: 2 }),
        lives: [],
        answered: new Set(),
        replacing: false,
        probe: Promise.withResolvers<undefined>(),
      };
      for (const name of names) {
        ACTIONS[name]!(world);
        await settled();
        check(world);
      }

      const { lifecycle, lives, clock, states } = world;
      const closing = lifecycle.close();
      await settled();
      check(world);
      for (const life of lives) life.ended.resolve(undefined);
      await closing;
      await settled();
      check(world);
      expect(lives.filter((life) => !wasEnded(life) && !life.gone.aborted)).toEqual([]);
      clock.advance(3_600_000);
      await settled();
      expect(lifecycle.state.name).toBe('closed');
      expect(world.replacing).toBe(false);
      const path = ['starting', ...states.map((state) => state.split(' ')[0]!)];
      for (const [index, name] of path.entries()) {
        if (index > 0) expect(TRANSITIONS[path[index - 1]!]).toContain(name);
      }
    }),
    { numRuns: 300 },
  );
});
