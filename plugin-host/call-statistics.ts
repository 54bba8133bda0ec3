import type { Clock } from './clock.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** Percentiles look back over this time to twice it. */
export const RECENT_MS = 300_000;

/**
 * How a call ended: with an answer; with the plugin's refusal; at its deadline; because there was no plugin, or it went
 * away; by its caller's signal.
 */
export type CallOutcome = 'ok' | 'refused' | 'late' | 'lost' | 'cancelled';

/** The calls of one plugin. */
export interface CallStatus {
  /** Since the host was started, those in flight not included. */
  readonly operations: number;
  readonly outcomes: Readonly<Record<CallOutcome, number>>;
  readonly inFlight: number;
  /** Of the last 5 to 10 minutes. */
  readonly recent: {
    readonly operations: number;
    /** The part that got an answer, 0 to 1, of those not cancelled; undefined when there are none. */
    readonly successRate: number | undefined;
    /** Of answers and refusals, waiting for the plugin not included; within 9 %. Undefined when there are none. */
    readonly latencyMs:
      { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number } | undefined;
  };
}

type Counts = Record<CallOutcome, number>;

interface Slot {
  readonly counts: Counts;
  readonly latency: LatencyHistogram;
}

/** Counts calls in a memory that does not grow. */
export interface CallStatistics {
  /** The plugin takes a call. */
  begin(): void;
  /** A call that was begun has ended. */
  end(outcome: CallOutcome, ms: number): void;
  /** A call has ended that no plugin took. */
  turnAway(outcome: CallOutcome): void;
  status(): CallStatus;
}

export function createCallStatistics(clock: Clock): CallStatistics {
  const total = noCounts();
  let inFlight = 0;
  let [before, now] = [noSlot(), noSlot()];
  let begunAt = clock.now();

  const turn = (): void => {
    const age = clock.now() - begunAt;
    if (age < RECENT_MS) return;
    before = age < 2 * RECENT_MS ? now : noSlot();
    now = noSlot();
    begunAt += Math.floor(age / RECENT_MS) * RECENT_MS;
  };

  const count = (outcome: CallOutcome): void => {
    turn();
    total[outcome] += 1;
    now.counts[outcome] += 1;
  };

  return {
    begin() {
      inFlight += 1;
    },
    end(outcome, ms) {
      count(outcome);
      inFlight -= 1;
      if (outcome === 'ok' || outcome === 'refused') now.latency.add(ms);
    },
    turnAway: count,
    status() {
      turn();
      const recent = noCounts();
      for (const outcome of Object.keys(recent) as CallOutcome[]) {
        recent[outcome] = before.counts[outcome] + now.counts[outcome];
      }
      const judged = sum(recent) - recent.cancelled;
      const latency = before.latency.merged(now.latency);
      return {
        operations: sum(total),
        outcomes: { ...total },
        inFlight,
        recent: {
          operations: sum(recent),
          successRate: judged === 0 ? undefined : recent.ok / judged,
          latencyMs:
            latency.count === 0
              ? undefined
              : {
                  p50: latency.percentile(0.5),
                  p90: latency.percentile(0.9),
                  p99: latency.percentile(0.99),
                  max: latency.maxMs,
                },
        },
      };
    },
  };
}

function noCounts(): Counts {
  return { ok: 0, refused: 0, late: 0, lost: 0, cancelled: 0 };
}

function noSlot(): Slot {
  return { counts: noCounts(), latency: new LatencyHistogram() };
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
