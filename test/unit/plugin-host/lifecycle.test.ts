import type { CloseOptions, PluginInfo, Running } from '../../../plugin-host/generation.ts';
import { Lifecycle } from '../../../plugin-host/lifecycle.ts';

/** A generation without a process: what the machine asks of one, under the test's control. */
class Life implements Running {
  readonly info: PluginInfo;
  readonly stops: CloseOptions[] = [];
  readonly ended = Promise.withResolvers<undefined>();
  readonly #gone = new AbortController();
  readonly gone = this.#gone.signal;

  constructor(generation: number) {
    this.info = {
      generation,
      pid: 1,
      executable: '/plugins/plugin',
      hashedBytesRun: true,
      network: 'unix',
      address: '/socket',
      protocolVersion: 1,
      certificateFingerprint: 'AA',
      serviceNames: [],
    };
  }

  stop(options: CloseOptions = {}): Promise<void> {
    this.stops.push(options);
    return this.ended.promise;
  }

  die(reason: Error): void {
    this.#gone.abort(reason);
  }
}

interface Stage {
  lifecycle: Lifecycle<Life>;
  states: string[];
  starting: PromiseWithResolvers<Life>;
  signal: () => AbortSignal;
}

function stage(): Stage {
  const states: string[] = [];
  const starting = Promise.withResolvers<Life>();
  let signal: AbortSignal | undefined;
  const start = (_number: number, given: AbortSignal): Promise<Life> => {
    signal = given;
    return starting.promise;
  };
  const lifecycle = new Lifecycle(start, ({ name }) => states.push(name));
  return { lifecycle, states, starting, signal: () => signal! };
}

async function readyStage(): Promise<Stage & { life: Life }> {
  const made = stage();
  const life = new Life(1);
  made.starting.resolve(life);
  await made.lifecycle.serving();
  return { ...made, life };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lifecycle', () => {
  test('begins by starting generation 1, which callers can wait for', () => {
    const { lifecycle, states, signal } = stage();
    expect(lifecycle.state).toEqual({ name: 'starting', generation: 1 });
    expect(lifecycle.serving()).toBeInstanceOf(Promise);
    expect(signal().aborted).toBe(false);
    expect(states).toEqual([]);
  });

  test('starting → ready', async () => {
    const { lifecycle, states, life } = await readyStage();
    expect(lifecycle.state).toEqual({ name: 'ready', generation: 1, info: life.info });
    expect(lifecycle.serving()).toBe(life);
    expect(states).toEqual(['ready']);
  });

  test('starting → failed: whoever waited and whoever comes later gets the reason', async () => {
    const { lifecycle, states, starting } = stage();
    const reason = new Error('no');
    const waiting = lifecycle.serving();
    starting.reject(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(lifecycle.state).toEqual({ name: 'failed', generation: 1, error: reason });
    expect(() => lifecycle.serving()).toThrow(reason);
    await lifecycle.close();
    expect(states).toEqual(['failed', 'closed']);
  });

  test('a failed start that nobody waits for is not an unhandled rejection', async () => {
    const { lifecycle, starting } = stage();
    starting.reject(new Error('no'));
    await settled();
    expect(lifecycle.state.name).toBe('failed');
  });

  test('starting → draining → closed: the start is cancelled and awaited', async () => {
    const { lifecycle, states, starting, signal } = stage();
    const closing = lifecycle.close();
    expect(lifecycle.state).toEqual({ name: 'draining', generation: 1 });
    expect(signal().reason).toMatchObject({ code: 'ERR_CLOSED' });
    await settled();
    expect(states).toEqual(['draining']);
    starting.reject(signal().reason);
    await closing;
    expect(states).toEqual(['draining', 'closed']);
  });

  test('a start that succeeds although it was cancelled is stopped', async () => {
    const { lifecycle, states, starting } = stage();
    const closing = lifecycle.close();
    const life = new Life(1);
    starting.resolve(life);
    life.ended.resolve(undefined);
    await closing;
    expect(life.stops).toHaveLength(1);
    expect(states).toEqual(['draining', 'closed']);
  });

  test('ready → draining → closed: no calls meanwhile, one stop', async () => {
    const { lifecycle, states, life } = await readyStage();
    const closing = lifecycle.close();
    expect(lifecycle.close()).toBe(closing);
    expect(lifecycle.state).toEqual({ name: 'draining', generation: 1 });
    expect(() => lifecycle.serving()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
    life.ended.resolve(undefined);
    await closing;
    expect(() => lifecycle.serving()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
    expect(states).toEqual(['ready', 'draining', 'closed']);
  });

  test('force reaches the stop, also one that is under way', async () => {
    const { lifecycle, life } = await readyStage();
    void lifecycle.close();
    void lifecycle.close({ force: true });
    expect(life.stops).toEqual([{}, { force: true }]);
  });

  test('ready → failed when the process is gone: what it left is cleared, and close waits for that', async () => {
    const { lifecycle, states, life } = await readyStage();
    const reason = new Error('gone');
    life.die(reason);
    expect(lifecycle.state).toEqual({ name: 'failed', generation: 1, error: reason });
    expect(life.stops).toEqual([{ force: true }]);
    expect(() => lifecycle.serving()).toThrow(reason);
    const closing = lifecycle.close();
    await settled();
    expect(states).toEqual(['ready', 'failed']);
    life.ended.resolve(undefined);
    await closing;
    expect(states).toEqual(['ready', 'failed', 'closed']);
  });

  test('a process that is gone before it was ready is a failure', async () => {
    const { lifecycle, states, starting } = stage();
    const life = new Life(1);
    life.die(new Error('gone'));
    starting.resolve(life);
    await settled();
    expect(lifecycle.state.name).toBe('failed');
    expect(states).toEqual(['failed']);
  });

  test('first cause wins: an exit while draining changes nothing', async () => {
    const { lifecycle, states, life } = await readyStage();
    const closing = lifecycle.close();
    life.die(new Error('gone'));
    expect(lifecycle.state.name).toBe('draining');
    life.ended.resolve(undefined);
    await closing;
    expect(states).toEqual(['ready', 'draining', 'closed']);
  });

  test('closed is final', async () => {
    const { lifecycle, states, life } = await readyStage();
    life.ended.resolve(undefined);
    await lifecycle.close();
    life.die(new Error('late'));
    await lifecycle.close({ force: true });
    expect(states).toEqual(['ready', 'draining', 'closed']);
  });
});
