import { KeystoreError } from '../../keystore/errors.ts';

/** One part of something that is made as a whole or not at all. */
export interface Step<Actor> {
  /** What it makes, for the log. */
  readonly what: string;
  readonly make: (actor: Actor) => Promise<unknown>;
  /** Also for a part that is not there. Absent where nothing is left, or where an earlier part takes it along. */
  readonly unmake?: (actor: Actor) => Promise<void>;
}

/** What is left over, and why it could not be removed. */
export type OnLeftOver = (what: string, error: unknown) => void;

/**
 * Makes all parts in their order. When one fails, or the caller goes away before the last is made, those that were begun
 * are unmade in reverse order, each whatever became of the others; then the failure is thrown.
 *
 * @param caller - ends the making between two parts and after the last, and never one that was begun
 * @param undo - lends the actor of the undoing, which must not end with the caller
 */
export async function makeAll<Actor>(
  steps: readonly Step<Actor>[],
  options: {
    readonly actor: Actor;
    readonly caller: AbortSignal;
    readonly undo: (work: (actor: Actor) => Promise<void>) => Promise<void>;
    readonly onLeftOver: OnLeftOver;
  },
): Promise<void> {
  const { actor, caller, onLeftOver, undo } = options;
  const begun: Step<Actor>[] = [];
  try {
    for (const step of steps) {
      caller.throwIfAborted();
      begun.unshift(step);
      await step.make(actor);
    }
    // Nobody would learn of what is there now.
    caller.throwIfAborted();
  } catch (error) {
    // What a policy denied was certainly not made, and its unmaking would be denied as well.
    if (error instanceof KeystoreError && error.class === 'permission-denied') begun.shift();
    await undo(async (undoer) => {
      for (const { unmake, what } of begun) {
        await unmake?.(undoer).catch((reason: unknown) => {
          onLeftOver(what, reason);
        });
      }
    });
    throw error;
  }
}
