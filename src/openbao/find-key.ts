import { KeystoreError } from '../keystore/errors.ts';
import type { LiveKey } from '../keystore/keystore.ts';
import type { Answer } from './answer.ts';
import { isNothingHere, notTransit, toKeystoreError } from './errors.ts';
import { readKeyDescription } from './key-data.ts';
import { delay } from './waiting.ts';
import type { Turn } from './turn.ts';

/** Longer than a standby lags behind the active node. */
const LAG_MS = 400;

/** The key as the active node has it, or undefined when it is certainly not there; see {@link readFound}. */
export async function findKey(turn: Turn, keyId: string): Promise<LiveKey | undefined> {
  return readFound(turn, keyId, await turn.session.readKeyOnActive(turn.call, turn.mount, keyId));
}

/**
 * The key of an answer to a read, or undefined when it is certainly not there: "missing" is a strong statement, after
 * which CMK takes the key for deleted. So it is made only of a Transit mount, since a mount of another kind answers in
 * the same words, and only when the active node confirms it, since a standby may not know a new or restored key yet.
 *
 * @throws KeystoreError `mount-not-found`, `no-active-node`, and what the answer says.
 */
export async function readFound(turn: Turn, keyId: string, answer: Answer): Promise<LiveKey | undefined> {
  if (!isNothingHere(answer)) return readKey(keyId, answer);
  const { call, mount, session } = turn;
  if (!(await session.isTransit(call, mount))) throw notTransit();
  await requireActiveNode(turn);
  const again = await session.readKeyOnActive(call, mount, keyId);
  return isNothingHere(again) ? undefined : readKey(keyId, again);
}

function readKey(keyId: string, answer: Answer): LiveKey {
  if (answer.status === 200 && !answer.foreignBody) return readKeyDescription(keyId, answer);
  throw toKeystoreError(answer);
}

async function requireActiveNode({ call, clock, session }: Turn): Promise<void> {
  if (await session.hasActiveNode(call.signal)) return;
  if (clock.now() + LAG_MS < call.deadline) {
    await delay(clock, LAG_MS, call.signal);
    if (await session.hasActiveNode(call.signal)) return;
  }
  throw new KeystoreError('no-active-node', 'no node says that it is the active one');
}
