import type { Turn } from '../turn.ts';
import { budget } from '../waiting.ts';

/** Time for what follows a write: reading back, and noting what was done. */
const AFTERMATH_MS = 30_000;

/** Does what follows a write. It has begun, so from here on it does not end with its caller. */
export async function inAftermath<T>(turn: Turn, work: (turn: Turn) => Promise<T>): Promise<T> {
  const { call, clock } = turn;
  const time = budget(clock, AFTERMATH_MS, 'the change');
  try {
    return await work({ ...turn, call: { ...call, signal: time.signal, deadline: clock.now() + AFTERMATH_MS } });
  } finally {
    time.done();
  }
}
