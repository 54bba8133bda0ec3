/** Buckets per doubling: what is answered is at most 9 % above the truth. */
const STEPS = 8;
/** The first bucket ends here. */
const FIRST_MS = 0.05;
/** The last bucket but one ends at 55 minutes. */
const BUCKETS = 26 * STEPS;

/** Durations, as counts in fixed buckets: the memory stays the same however many there are. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** The longest, exactly; 0 when there are none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    const bucket = Math.ceil(Math.log2(Math.max(ms, FIRST_MS) / FIRST_MS) * STEPS);
    const index = Math.min(bucket, BUCKETS - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** The end of the bucket up to which this fraction, 0 to 1, of the durations lies; 0 when there are none. */
  percentile(fraction: number): number {
    const wanted = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    const index = this.#counts.findIndex((count) => (seen += count) >= wanted);
    if (index === -1) return 0;
    return index === BUCKETS - 1 ? this.#maxMs : Math.min(FIRST_MS * 2 ** (index / STEPS), this.#maxMs);
  }

  /** Both together. */
  merged(other: LatencyHistogram): LatencyHistogram {
    const both = new LatencyHistogram();
    both.#counts.set(this.#counts.map((count, index) => count + (other.#counts[index] ?? 0)));
    both.#count = this.#count + other.#count;
    both.#maxMs = Math.max(this.#maxMs, other.#maxMs);
    return both;
  }
}
