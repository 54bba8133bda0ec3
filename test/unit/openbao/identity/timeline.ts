import type { Clock } from '../../../../src/openbao/clock.ts';
import type { Random } from './random.ts';

/** What happens by itself while time passes. Times are in milliseconds. */
export interface Timeline {
  /** Calls back again and again, `meanMs` apart on average. */
  every(meanMs: number, event: () => void): void;
  /** A trouble that comes, lasts for a time and goes by what `begin` returns; undefined when it cannot come now. */
  episodes(
    meanMs: number,
    length: readonly [shortestMs: number, longestMs: number],
    begin: (lengthMs: number) => (() => void) | undefined,
  ): void;
  /** Nothing more happens by itself; what is there goes. */
  stop(): void;
}

export function createTimeline(clock: Clock, random: Random): Timeline {
  const timers = new Set<() => void>();
  const troubles = new Set<() => void>();

  function schedule(delayMs: number, event: () => void): void {
    const cancel = clock.schedule(delayMs, () => {
      timers.delete(cancel);
      event();
    });
    timers.add(cancel);
  }

  const timeline: Timeline = {
    every(meanMs, event) {
      schedule(random.gap(meanMs), () => {
        event();
        timeline.every(meanMs, event);
      });
    },
    episodes(meanMs, [shortestMs, longestMs], begin) {
      schedule(random.gap(meanMs), () => {
        const lengthMs = random.between(shortestMs, longestMs);
        const go = begin(lengthMs);
        if (go !== undefined) troubles.add(go);
        schedule(lengthMs, () => {
          if (go !== undefined && troubles.delete(go)) go();
          timeline.episodes(meanMs, [shortestMs, longestMs], begin);
        });
      });
    },
    stop() {
      for (const cancel of timers) cancel();
      for (const go of troubles) go();
      troubles.clear();
    },
  };
  return timeline;
}
