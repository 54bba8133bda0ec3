import { setImmediate } from 'node:timers/promises';

import type { ManualClock } from '../../../support/manual-clock.ts';
import type { Random } from './random.ts';

/** Lets time pass from one timer to the next, with all that follows from each, until it is enough. */
export async function passTime(clock: ManualClock, random: Random, isEnough: () => boolean): Promise<void> {
  while (!isEnough()) {
    const [next] = clock.pending;
    if (next === undefined) throw new Error('nothing is due, and it is not enough');
    clock.chance = random.next();
    clock.advance(next);
    await setImmediate();
  }
}
