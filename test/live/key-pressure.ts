import { setTimeout } from 'node:timers/promises';

import type { RaftCluster, RaftNode } from '../../scripts/openbao/raft-cluster.ts';
import type { OpenBaoAnswer } from '../../scripts/openbao/request.ts';
import { administer } from '../../scripts/openbao/setup.ts';

/** A ciphertext of Transit and what it must decrypt to, in base64. */
export interface Kept {
  readonly mount: string;
  readonly key: string;
  readonly ciphertext: string;
  readonly plaintext: string;
}

const RACES = 100;
const UNSETTLED_TRIES = 20;
const UNSETTLED_PAUSE_MS = 100;

/**
 * Two clients rotate one key on the active node at the same time, again and again, until one of them is told that its
 * change was not stored. Resolves then, when nothing runs any more; rejects when no race ends that way.
 */
export async function raceRotations(cluster: RaftCluster, mount: string, key: string): Promise<void> {
  const { request } = await cluster.active();
  for (let race = 0; race < RACES; race += 1) {
    const rotate = () => request('POST', `${mount}/keys/${key}/rotate`); // on a connection of its own each time
    const answers = await Promise.all([rotate(), rotate()]);
    const failed = answers.filter(({ status }) => status !== 200);
    const strange = failed.find((answer) => !says(answer, 'transaction commit failed'));
    if (strange !== undefined) throw new Error(`rotate: status ${strange.status}`);
    if (failed.length > 0) return;
  }
  throw new Error(`no conflict in ${RACES} races`);
}

/** Encrypts on the active node with the newest version that it knows. */
export async function encryptOnActive(cluster: RaftCluster, mount: string, key: string): Promise<Kept> {
  const plaintext = Buffer.from(`${mount} ${key}`).toString('base64');
  const { ciphertext } = await administer(await cluster.active(), 'POST', `${mount}/encrypt/${key}`, { plaintext });
  return { mount, key, plaintext, ciphertext: String(ciphertext) };
}

/** How many of the ciphertexts no node decrypts. Rejects when a node does not say clearly whether it can. */
export async function countUnreadable(cluster: RaftCluster, kept: readonly Kept[]): Promise<number> {
  let unreadable = 0;
  for (const each of kept) {
    const readable = await Promise.all(cluster.nodes.map((node) => decrypts(node, each)));
    if (!readable.includes(true)) unreadable += 1;
  }
  return unreadable;
}

async function decrypts(node: RaftNode, { mount, key, ciphertext, plaintext }: Kept): Promise<boolean> {
  let status = 0;
  for (let attempt = 0; attempt < UNSETTLED_TRIES; attempt += 1) {
    const answer = await node.request('POST', `${mount}/decrypt/${key}`, { ciphertext });
    if (answer.status === 200) return (answer.body as { data: { plaintext: string } }).data.plaintext === plaintext;
    if (says(answer, 'version is too new') || says(answer, 'message authentication failed')) return false;
    ({ status } = answer);
    await setTimeout(UNSETTLED_PAUSE_MS); // a former leader needs a moment to find its successor
  }
  throw new Error(`decrypt on ${node.id}: status ${status}`);
}

function says({ body }: OpenBaoAnswer, text: string): boolean {
  return JSON.stringify(body ?? '').includes(text);
}
