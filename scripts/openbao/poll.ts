import { setTimeout } from 'node:timers/promises';

const PAUSE_MS = 20;

/**
 * Asks until an answer comes and resolves with it; a rejection means "not yet".
 *
 * @param what - what is waited for, for the error
 * @param unless - ends the waiting when it rejects, and is the error then
 * @throws Error with the last rejection when there is no answer within `limitMs`
 */
export async function poll<T>(
  what: string,
  limitMs: number,
  ask: () => Promise<T>,
  unless?: Promise<never>,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let pointless = false;
  const answered = async (): Promise<T> => {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (pointless || performance.now() > deadline) {
          throw new Error(`OpenBao: no ${what} within ${limitMs} ms: ${String(error)}`, { cause: error });
        }
      }
      await setTimeout(PAUSE_MS);
    }
  };
  if (unless === undefined) return answered();
  unless.catch(() => (pointless = true));
  return Promise.race([unless, answered()]);
}
