import { PluginHostError } from '../../../plugin-host/errors.ts';
import { completeLimits, RESTART_LIMITS } from '../../../plugin-host/limits.ts';
import { createRestartPolicy, type RestartPolicy } from '../../../plugin-host/restart-policy.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const fall = new Error('it fell');

function policy(limits: Parameters<typeof completeLimits<typeof RESTART_LIMITS>>[1] = {}): {
  clock: ManualClock;
  next: (readyMs?: number, error?: Error) => ReturnType<RestartPolicy['next']>;
  reset: () => void;
} {
  const clock = new ManualClock();
  const made = createRestartPolicy('TEST', completeLimits(RESTART_LIMITS, limits), clock);
  return { clock, next: (readyMs = 0, error = fall) => made.next(error, readyMs), reset: () => made.reset() };
}

describe('restart policy', () => {
  test('R-HOST-12 three restarts with a delay that doubles, then an error that tells of all', () => {
    const { next } = policy();
    expect([next(), next(), next()]).toEqual([250, 500, 1000]);
    const last = new PluginHostError('ERR_PLUGIN_EXITED', 'exited with code 9', { exitCode: 9, lastStderr: ['word'] });
    const verdict = next(0, last);
    expect(verdict).toMatchObject({
      code: 'ERR_RESTARTS',
      message: 'plugin TEST fell again after 3 restarts within 300000 ms: exited with code 9',
      details: { plugin: 'TEST', exitCode: 9, lastStderr: ['word'] },
      cause: last,
    });
  });

  test('the delay ends at its maximum', () => {
    const { next } = policy({ maxRestarts: 1000 });
    const delays = Array.from({ length: 12 }, () => next());
    expect(delays.slice(0, 9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test.each([
    [0, 200],
    [0.75, 275],
    [0.999, 300],
  ])('the delay is drawn to either side: chance %p', (chance, delay) => {
    const { clock, next } = policy();
    clock.chance = chance;
    expect(next()).toBe(delay);
  });

  test('the maximum holds after the draw, too', () => {
    const { clock, next } = policy({ minBackoffMs: 100, maxBackoffMs: 100 });
    clock.chance = 0.999;
    expect(next()).toBe(100);
  });

  test('restarts leave the window one by one', () => {
    const { clock, next } = policy({ maxRestarts: 2, windowMs: 1000 });
    expect(next()).toBe(250);
    clock.advance(600);
    expect(next()).toBe(500);
    clock.advance(399);
    expect(next()).toBeInstanceOf(Error);
    clock.advance(1);
    expect(next()).toBe(1000);
    expect(next()).toBeInstanceOf(Error);
  });

  test('R-HOST-13 who was ready long enough begins at the first delay; the window counts on', () => {
    const { next } = policy();
    expect([next(), next(59_999), next(60_000)]).toEqual([250, 500, 250]);
    expect(next(60_000)).toBeInstanceOf(Error);
  });

  test('none are made when none are wanted: the fall itself is the error', () => {
    expect(policy({ maxRestarts: 0 }).next()).toBe(fall);
  });

  test.each([
    'ERR_PLUGIN_DIRECTORY',
    'ERR_EXECUTABLE_NOT_FOUND',
    'ERR_EXECUTABLE_OUTSIDE',
    'ERR_EXECUTABLE_UNSAFE',
    'ERR_CHECKSUM',
    'ERR_SERVICE_MISSING',
  ] as const)('%s would be the same again', (code) => {
    const error = new PluginHostError(code, 'bad');
    expect(policy().next(0, error)).toBe(error);
  });

  test('a reset forgets all', () => {
    const { next, reset } = policy();
    expect([next(), next(), next()]).toEqual([250, 500, 1000]);
    reset();
    expect(next()).toBe(250);
  });
});
