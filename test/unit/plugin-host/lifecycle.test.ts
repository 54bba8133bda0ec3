import { PluginHostError } from '../../../plugin-host/errors.ts';
import { Life, type LifeStage, lifeStage, settled } from './life.ts';

const gone = new Error('gone');

async function readyStage(limits = {}): Promise<LifeStage & { life: Life }> {
  const stage = lifeStage(limits);
  return { ...stage, life: await stage.succeed() };
}

/** Ready, fallen, and cleared away: in back-off with nothing left of it. */
async function backoffStage(): Promise<LifeStage> {
  const stage = await readyStage();
  stage.life.ended.resolve(undefined);
  stage.life.die(gone);
  await settled();
  return stage;
}

describe('lifecycle', () => {
  test('begins by starting generation 1, which callers can wait for', () => {
    const { lifecycle, states, begun } = lifeStage();
    expect(lifecycle.state).toEqual({ name: 'starting', generation: 1 });
    expect(lifecycle.serving()).toBeUndefined();
    expect(begun).toMatchObject([{ plan: 'one', generation: 1, signal: { aborted: false } }]);
    expect(lifecycle.isDown).toBe(false);
    expect(states).toEqual([]);
  });

  test('starting → ready', async () => {
    const { lifecycle, states, life } = await readyStage();
    expect(lifecycle.state).toEqual({ name: 'ready', generation: 1, info: life.info });
    expect(lifecycle.serving()).toBe(life);
    await expect(lifecycle.ready()).resolves.toBe(life);
    expect(states).toEqual(['ready 1']);
  });

  test('whoever waits for ready waits through back-off', async () => {
    const { lifecycle, clock, fail, succeed } = lifeStage();
    const waiting = lifecycle.ready();
    await fail();
    clock.advance(250);
    await settled();
    const life = await succeed();
    await expect(waiting).resolves.toBe(life);
  });

  test('whoever waits for ready can give up, and leaves no listener', async () => {
    const { lifecycle } = lifeStage();
    const controller = new AbortController();
    const waiting = lifecycle.ready(controller.signal);
    controller.abort(gone);
    await expect(waiting).rejects.toBe(gone);
    await expect(lifecycle.ready(controller.signal)).rejects.toBe(gone);
  });

  test('a change is told until the listener is taken back', async () => {
    const { lifecycle, succeed } = lifeStage();
    let [first, second] = [0, 0];
    const stop = lifecycle.onChange(() => (first += 1));
    lifecycle.onChange(() => (second += 1));
    await succeed();
    stop();
    void lifecycle.close();
    expect([first, second]).toEqual([1, 2]);
  });

  describe('restarts', () => {
    test('R-HOST-12 starting → backoff → starting: the delay, then the next generation', async () => {
      const { lifecycle, states, falls, clock, fail, begun, succeed } = lifeStage();
      const error = new Error('no');
      await fail(error);
      expect(lifecycle.state).toEqual({ name: 'backoff', generation: 1, error, delayMs: 250 });
      expect(lifecycle.serving()).toBeUndefined();
      expect(lifecycle.isDown).toBe(true);
      expect(clock.pending).toEqual([250]);
      clock.advance(249);
      expect(begun).toHaveLength(1);
      clock.advance(1);
      await settled();
      expect(lifecycle.isDown).toBe(true);
      await succeed();
      expect(lifecycle.isDown).toBe(false);
      expect(states).toEqual(['backoff 1', 'starting 2', 'ready 2']);
      expect(falls).toEqual([{ generation: 1, error, readyMs: 0, verdict: 250 }]);
    });

    test('R-HOST-12 ready → backoff when the process is gone: calls end with the reason, and what it left is cleared first', async () => {
      const { lifecycle, falls, clock, life, begun } = await readyStage();
      clock.advance(5000);
      life.die(gone);
      expect(lifecycle.state).toEqual({ name: 'backoff', generation: 1, error: gone, delayMs: 250 });
      await settled();
      expect(life.kills).toEqual([gone]);
      expect(falls).toMatchObject([{ error: gone, readyMs: 5000, verdict: 250 }]);
      clock.advance(1000);
      await settled();
      expect(lifecycle.state).toEqual({ name: 'starting', generation: 2 });
      expect(begun).toHaveLength(1);
      life.ended.resolve(undefined);
      await settled();
      expect(begun).toHaveLength(2);
    });

    test('R-HOST-14 ready → backoff when it is unhealthy, with that reason', async () => {
      const { lifecycle, life, watched } = await readyStage();
      const error = new Error('unhealthy');
      watched.get(life)!(error);
      expect(lifecycle.state).toMatchObject({ name: 'backoff', error });
      await settled();
      expect(life.kills).toEqual([error]);
      expect(watched.size).toBe(0);
      life.die(gone);
      expect(lifecycle.state).toMatchObject({ name: 'backoff', error });
    });

    test('R-HOST-13 flapping ends in failed, with the reason; no timer is left', async () => {
      const { lifecycle, states, clock, fail } = lifeStage();
      const error = new PluginHostError('ERR_PLUGIN_EXITED', 'exited', { exitCode: 3 });
      for (const delay of [250, 500, 1000]) {
        await fail(error);
        expect(clock.pending).toEqual([delay]);
        clock.advance(delay);
        await settled();
      }
      await fail(error);
      expect(lifecycle.state).toMatchObject({
        name: 'failed',
        generation: 4,
        error: { code: 'ERR_RESTARTS', details: { exitCode: 3 }, cause: error },
      });
      expect(() => lifecycle.serving()).toThrow(/fell again after 3 restarts/);
      await expect(lifecycle.ready()).rejects.toMatchObject({ code: 'ERR_RESTARTS' });
      expect(clock.pending).toEqual([]);
      expect(states.at(-1)).toBe('failed 4');
    });

    test('hours of a plugin that falls now and then', async () => {
      const { clock, states, succeed } = lifeStage();
      for (let fall = 1; fall <= 50; fall += 1) {
        const life = await succeed();
        life.ended.resolve(undefined);
        clock.advance(3_600_000);
        life.die(gone);
        await settled();
        expect(clock.pending).toEqual([250]);
        clock.advance(250);
        await settled();
      }
      expect(states.at(-1)).toBe('starting 51');
    });

    test('R-HOST-13 failed → starting when somebody asks for it, with all restarts before it', async () => {
      const { lifecycle, clock, fail, succeed } = lifeStage({ maxRestarts: 1 });
      await fail();
      clock.advance(250);
      await settled();
      await fail();
      expect(lifecycle.state.name).toBe('failed');
      lifecycle.restart();
      expect(lifecycle.state).toEqual({ name: 'starting', generation: 3 });
      expect(lifecycle.isDown).toBe(true);
      await settled();
      await fail();
      expect(lifecycle.state).toMatchObject({ name: 'backoff', delayMs: 250 });
      lifecycle.restart();
      expect(clock.pending).toEqual([]);
      await settled();
      const life = await succeed();
      expect(lifecycle.serving()).toBe(life);
    });

    test('a restart asked for while it starts or serves does nothing', async () => {
      const { lifecycle, succeed, begun } = lifeStage();
      lifecycle.restart();
      await succeed();
      lifecycle.restart();
      expect(begun).toHaveLength(1);
    });

    test('starting → failed when starting again could not help', async () => {
      const { lifecycle, fail } = lifeStage();
      const error = new PluginHostError('ERR_CHECKSUM', 'another file');
      await fail(error);
      expect(lifecycle.state).toEqual({ name: 'failed', generation: 1, error });
    });

    test('a process that is gone before it was ready has fallen', async () => {
      const { lifecycle, states, begun } = lifeStage();
      const life = new Life(1);
      life.die(gone);
      begun[0]!.outcome.resolve(life);
      await settled();
      expect(lifecycle.state).toMatchObject({ name: 'backoff', error: gone });
      expect(states).toEqual(['backoff 1']);
    });

    test('back-off waits for the end of a hold', async () => {
      const { lifecycle, clock } = await backoffStage();
      const hold = lifecycle.holdRestarts();
      clock.advance(1000);
      await settled();
      expect(lifecycle.state.name).toBe('backoff');
      hold[Symbol.dispose]();
      expect(lifecycle.state.name).toBe('starting');
    });
  });

  describe('close', () => {
    test('starting → draining → closed: the start is cancelled and awaited', async () => {
      const { lifecycle, states, begun } = lifeStage();
      const closing = lifecycle.close();
      expect(lifecycle.state).toEqual({ name: 'draining', generation: 1 });
      expect(begun[0]!.signal.reason).toMatchObject({ code: 'ERR_CLOSED' });
      await closing;
      expect(states).toEqual(['draining 1', 'closed 1']);
    });

    test('a start that succeeds although it was cancelled is stopped', async () => {
      const { lifecycle, states, begun } = lifeStage();
      const life = new Life(1);
      begun[0]!.outcome.resolve(life);
      const closing = lifecycle.close();
      life.ended.resolve(undefined);
      await closing;
      expect(life.stops).toHaveLength(1);
      expect(states).toEqual(['draining 1', 'closed 1']);
    });

    test('ready → draining → closed: no calls meanwhile, one close', async () => {
      const { lifecycle, states, life } = await readyStage();
      const closing = lifecycle.close();
      expect(lifecycle.close()).toBe(closing);
      expect(lifecycle.state).toEqual({ name: 'draining', generation: 1 });
      const closed = expect.objectContaining({ code: 'ERR_CLOSED' }) as Error;
      expect(() => lifecycle.serving()).toThrow(closed);
      await settled();
      expect(states).toEqual(['ready 1', 'draining 1']);
      life.ended.resolve(undefined);
      await closing;
      expect(() => lifecycle.serving()).toThrow(closed);
      expect(states).toEqual(['ready 1', 'draining 1', 'closed 1']);
    });

    test('force reaches the stop, also one that is under way', async () => {
      const { lifecycle, life } = await readyStage();
      void lifecycle.close();
      void lifecycle.close({ force: true });
      await settled();
      expect(life.stops).toEqual([{}, { force: true }]);
    });

    test('backoff → closed: no timer, no restart', async () => {
      const { lifecycle, states, clock, begun } = await backoffStage();
      await lifecycle.close();
      expect(clock.pending).toEqual([]);
      clock.advance(1_000_000);
      expect(begun).toHaveLength(1);
      expect(states).toEqual(['ready 1', 'backoff 1', 'closed 1']);
    });

    test('backoff → draining while what fell is still being cleared', async () => {
      const { lifecycle, states, life } = await readyStage();
      life.die(gone);
      const closing = lifecycle.close();
      await settled();
      expect(states).toEqual(['ready 1', 'backoff 1', 'draining 1']);
      life.ended.resolve(undefined);
      await closing;
      expect(states.at(-1)).toBe('closed 1');
    });

    test('failed → closed', async () => {
      const { lifecycle, states, fail } = lifeStage({ maxRestarts: 0 });
      await fail();
      await lifecycle.close();
      expect(states).toEqual(['failed 1', 'closed 1']);
    });

    test('a restart that was held is not made after it', async () => {
      const { lifecycle, clock, begun } = await backoffStage();
      const hold = lifecycle.holdRestarts();
      clock.advance(1000);
      await lifecycle.close();
      hold[Symbol.dispose]();
      expect(begun).toHaveLength(1);
      expect(lifecycle.state.name).toBe('closed');
    });

    test('first cause wins: an exit while draining changes nothing', async () => {
      const { lifecycle, states, life } = await readyStage();
      const closing = lifecycle.close();
      life.die(gone);
      expect(lifecycle.state.name).toBe('draining');
      life.ended.resolve(undefined);
      await closing;
      expect(states).toEqual(['ready 1', 'draining 1', 'closed 1']);
    });

    test('closed is final', async () => {
      const { lifecycle, states, life } = await readyStage();
      life.ended.resolve(undefined);
      await lifecycle.close();
      life.die(gone);
      lifecycle.restart();
      await lifecycle.close({ force: true });
      expect(() => lifecycle.begin('two')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error);
      expect(states).toEqual(['ready 1', 'draining 1', 'closed 1']);
    });
  });
});
