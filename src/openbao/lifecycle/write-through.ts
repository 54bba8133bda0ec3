import type { Answer } from '../answer.ts';
import { toKeystoreError } from '../errors.ts';
import type { Change } from '../transit-session.ts';
import { carryThrough, type Outcome } from './carry-through.ts';
import type { Turn } from '../turn.ts';

/** Carries a change of a key through; see {@link carryThrough}. */
export function writeThrough(
  { call, clock, log, session }: Turn,
  keyId: string,
  change: Change,
  isMade?: () => Promise<boolean>,
): Promise<Outcome> {
  const write = (signal: AbortSignal): ReturnType<typeof session.change> => session.change({ ...call, signal }, change);
  return carryThrough({ call, clock, log, keyId, write, ...(isMade && { isMade }) });
}

/** The same for a change that has one good answer only. */
export async function writeOrThrow(turn: Turn, keyId: string, change: Change, good: number): Promise<Answer> {
  const { answer } = await writeThrough(turn, keyId, change);
  if (answer.status !== good) throw toKeystoreError(answer, change.context);
  return answer;
}
