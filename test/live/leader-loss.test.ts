import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { type RaftCluster, type RaftNode, startRaftCluster } from '../../scripts/openbao/raft-cluster.ts';
import { createKey, enableAppRole, leastPolicy, mountTransit, writePolicy } from '../../scripts/openbao/setup.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type LiveKeystore, openLiveKeystore } from './live-keystore.ts';

const KEY = 'k';
const ROLE = 'openkcm';
/** What use case 007 allows a fail-over (REQ-007). */
const FAIL_OVER_MS = 30_000;
const CALL_MS = 1200;
// What a machine that is put to much work may take to see the end of a call's time.
const SLACK_MS = 5000;

/** A way in which a node stops being the active one. */
interface Loss {
  readonly name: string;
  readonly lose: (node: RaftNode) => unknown;
  readonly undo: (node: RaftNode) => unknown;
}

let cluster: RaftCluster;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let live: LiveKeystore;

beforeAll(async () => {
  cluster = await startRaftCluster();
  folder = await temporaryFolder();
  const active = await cluster.active();
  await mountTransit(active);
  await createKey(active, { key: KEY });
  await writePolicy(active, ROLE, leastPolicy({ key: KEY }));
  const { roleId, secretId } = await enableAppRole(active, { role: ROLE, policies: [ROLE] });
  const secretIdFile = join(folder.path, 'secret-id');
  await writeFile(secretIdFile, secretId, { mode: 0o600 });
  const text = stringify({
    openbao: {
      addresses: cluster.nodes.map(({ address }) => address),
      ca: { source: 'file', file: { path: cluster.caFile } },
    },
    auth: { method: 'approle', roleId, secretId: { source: 'file', file: { path: secretIdFile } } },
  });
  live = openLiveKeystore({ yaml: () => text, values: () => ({}) }, 'approle');
});
afterAll(async () => {
  await live[Symbol.asyncDispose]();
  await cluster.stop();
  await folder[Symbol.asyncDispose]();
});

describe('R-CONN-02 the active node goes while the key is in use', () => {
  const losses: readonly Loss[] = [
    { name: 'is killed', lose: (node) => node.kill(), undo: (node) => node.restart() },
    { name: 'hangs', lose: (node) => node.pause(), undo: (node) => node.resume() },
    { name: 'steps down', lose: () => cluster.stepDown(), undo: () => undefined },
  ];

  it.each(losses)('$name: calls succeed again, and those that fail do so in their own time', async ({ lose, undo }) => {
    const active = await cluster.active();
    expect(await live.roundTrip(KEY, { timeMs: FAIL_OVER_MS })).toBe('ok');
    await lose(active);
    const lost = performance.now();
    const outcomes: string[] = [];
    while (outcomes.at(-1) !== 'ok' && performance.now() - lost < FAIL_OVER_MS) {
      const begun = performance.now();
      outcomes.push(await live.roundTrip(KEY, { timeMs: CALL_MS }));
      expect(performance.now() - begun).toBeLessThan(2 * CALL_MS + SLACK_MS);
    }
    expect(outcomes.at(-1)).toBe('ok');
    for (const outcome of outcomes) {
      expect(['ok', 'unreachable', 'no-active-node', 'deadline-exceeded', 'server-error', 'sealed']).toContain(outcome);
    }
    // The token outlives the node that issued it.
    expect(live.logins()).toBe(1);
    await undo(active);
  });
});
