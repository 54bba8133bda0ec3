import type { LoginMethod } from '../../../../src/openbao/auth/login-method.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { openIdentity } from './identity.ts';
import { passTime } from './pass-time.ts';
import { createRandom } from './random.ts';
import { type SimulatedOpenBao, simulateOpenBao } from './simulated-openbao.ts';
import { createTimeline } from './timeline.ts';

/** Mean time between two calls of one process, unless told otherwise. */
export const CALLS_MS = 30_000;

/** Processes that know nothing of each other, at one server. */
export interface Processes {
  readonly server: SimulatedOpenBao;
  readonly clock: ManualClock;
  /** Starts a process that calls again and again, `callsMs` apart on average, after a while. */
  start(method: LoginMethod, options?: { readonly afterMs?: number; readonly callsMs?: number }): Outcomes;
  pass(ms: number): Promise<void>;
}

/** How the calls of a process went. */
export interface Outcomes {
  /** How often each outcome came. */
  readonly counts: Readonly<Record<string, number>>;
  /** When a call first succeeded. */
  readonly firstOkAt: number;
}

export function openProcesses(seed: number): Processes {
  const random = createRandom(seed);
  const clock = new ManualClock();
  const timeline = createTimeline(clock, random);
  const server = simulateOpenBao(clock, random);
  return {
    server,
    clock,
    start(method, { afterMs = 0, callsMs = CALLS_MS } = {}) {
      const identity = openIdentity(clock, server, method);
      const seen = { counts: {} as Record<string, number>, firstOkAt: Infinity };
      const call = async (): Promise<void> => {
        const outcome = await identity.use();
        seen.counts[outcome] = (seen.counts[outcome] ?? 0) + 1;
        if (outcome === 'ok') seen.firstOkAt = Math.min(seen.firstOkAt, clock.now());
      };
      clock.schedule(afterMs, () => {
        void call();
        timeline.every(callsMs, () => void call());
      });
      return seen;
    },
    async pass(ms) {
      let isOver = false;
      clock.schedule(ms, () => (isOver = true));
      await passTime(clock, random, () => isOver);
    },
  };
}

/** Each pause between two events, the shortest first. */
export function gaps(times: readonly number[]): number[] {
  return times
    .slice(1)
    .map((time, index) => time - times[index]!)
    .toSorted((a, b) => a - b);
}

/** The most events within any stretch of time of a length. */
export function most(times: readonly number[], lengthMs: number): number {
  const within = (start: number): number => times.filter((time) => time >= start && time < start + lengthMs).length;
  return Math.max(0, ...times.map(within));
}
