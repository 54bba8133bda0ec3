import { setTimeout } from 'node:timers/promises';

const LIMIT_MS = 10_000;

/** Resolves once a condition holds that nothing announces; rejects when it does not come to hold. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = LIMIT_MS): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await setTimeout(1);
  }
}
