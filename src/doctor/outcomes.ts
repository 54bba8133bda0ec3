import type { CheckId } from './check.ts';

/** Which checks are no ground for others to stand on: those that failed, for all keys or for one, or were not made. */
export class Outcomes {
  readonly #known = new Set<CheckId>();
  readonly #bad = new Set<string>();

  /** `key` is empty for a check that is not made for each key. */
  note(id: CheckId, key: string, good: boolean): void {
    this.#known.add(id);
    if (!good) this.#bad.add(entry(id, key));
  }

  isBad(id: CheckId, key = ''): boolean {
    return this.#bad.has(entry(id, '')) || (key !== '' && this.#bad.has(entry(id, key)));
  }

  /** Whether a check was made and did not fail. */
  isGood(id: CheckId): boolean {
    return this.#known.has(id) && !this.isBad(id);
  }
}

function entry(id: CheckId, key: string): string {
  return `${id} ${key}`;
}
