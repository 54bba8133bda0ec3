import { PluginCallError, PluginHostError } from '../../../plugin-host/errors.ts';
import { CHECKS, type CheckId } from './checks.ts';

/** What came of one check. */
export interface CheckOutcome {
  readonly id: CheckId;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** What was seen, a fact each; of a failure the reason first. */
  readonly saw: readonly string[];
}

/** A check that fails for a reason of our own. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
  readonly saw: readonly string[];

  constructor(...saw: readonly string[]) {
    super(saw.join('; '));
    this.saw = saw;
  }
}

/** Notes what came of each check. What was not looked at by the end was skipped. */
export class Protocol {
  readonly #outcomes = new Map<CheckId, CheckOutcome>();

  /** In the order of the table. */
  get outcomes(): readonly CheckOutcome[] {
    const ids = Object.keys(CHECKS) as CheckId[];
    return ids.map((id) => this.#outcomes.get(id) ?? { id, status: 'skipped', saw: [] });
  }

  passed(id: CheckId, ...saw: readonly string[]): void {
    // What failed once does not get better by a second look.
    if (this.#outcomes.get(id)?.status !== 'failed') this.#outcomes.set(id, { id, status: 'passed', saw });
  }

  failed(id: CheckId, ...saw: readonly string[]): void {
    this.#outcomes.set(id, { id, status: 'failed', saw });
  }

  /**
   * Runs a check, which returns what it saw. Answers whether it passed; a failure is noted and is no reason to stop.
   * Rejects when the signal aborted it, or with a defect of ours.
   */
  async check(id: CheckId, look: () => Promise<readonly string[]>, signal: AbortSignal): Promise<boolean> {
    try {
      this.passed(id, ...(await look()));
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.failed(id, ...reasonsOf(error));
      return false;
    }
  }
}

function reasonsOf(error: unknown): readonly string[] {
  if (error instanceof CheckFailure) return error.saw;
  if (error instanceof PluginCallError) return [`${error.method} was answered with ${error.status}: ${error.message}`];
  if (error instanceof PluginHostError) return [error.message];
  throw error;
}
