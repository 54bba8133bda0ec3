import type { Clock } from '../../../../src/openbao/clock.ts';

/** OpenBao's lockout of one AppRole. */
export interface RoleLock {
  isShut(): boolean;
  failed(): void;
  succeeded(): void;
  /** Since when it has been shut, each time. */
  readonly shutAt: readonly number[];
  /** All failures that were counted. */
  readonly failures: number;
}

const THRESHOLD = 5;
export const LOCKED_MS = 900_000;
const WINDOW_MS = 900_000;

/**
 * As measured on a real server: five failures lock, each of which came within 15 minutes of the one before, over whatever
 * time they are spread; a success forgets them; what comes while it is locked counts for nothing and prolongs nothing.
 */
export function createRoleLock(clock: Clock): RoleLock {
  const shutAt: number[] = [];
  let failures = 0;
  let inARow = 0;
  let lastAt = -Infinity;
  const isShut = (): boolean => inARow >= THRESHOLD && clock.now() < lastAt + LOCKED_MS;
  return {
    isShut,
    failed() {
      const now = clock.now();
      failures += 1;
      inARow = now < lastAt + WINDOW_MS && inARow < THRESHOLD ? inARow + 1 : 1;
      lastAt = now;
      if (inARow === THRESHOLD) shutAt.push(now);
    },
    succeeded() {
      inARow = 0;
    },
    shutAt,
    get failures() {
      return failures;
    },
  };
}
