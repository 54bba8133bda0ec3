import { startRaftCluster, type RaftCluster } from '../../scripts/openbao/raft-cluster.ts';
import { administer, createKey } from '../../scripts/openbao/setup.ts';
import { rounds } from '../support/scale.ts';
import { countUnreadable, encryptOnActive, type Kept, raceRotations } from './key-pressure.ts';

const ROUNDS = rounds(20);
const KEYS_PER_ROUND = 8;

let cluster: RaftCluster;
beforeAll(async () => {
  cluster = await startRaftCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/**
 * On a mount of its own, two clients rotate each of many keys until a change was not stored; each key is then left alone,
 * encrypts once, and the leader changes. Resolves with the number of ciphertexts that no node can read any more.
 */
async function lostAfterPressure(mount: string, config: object): Promise<number> {
  await administer(await cluster.active(), 'POST', `sys/mounts/${mount}`, { type: 'transit', config });
  const kept: Kept[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const keys = Array.from({ length: KEYS_PER_ROUND }, (_, index) => `r${round}-k${index}`);
    const underPressure = async (key: string): Promise<Kept> => {
      await createKey(await cluster.active(), { mount, key });
      await raceRotations(cluster, mount, key);
      return encryptOnActive(cluster, mount, key);
    };
    kept.push(...(await Promise.all(keys.map(underPressure))));
  }
  // Nothing tells before the leader changes: the active node reads what it wrote.
  expect(await countUnreadable(cluster, kept)).toBe(0);
  await cluster.stepDown();
  return countUnreadable(cluster, kept);
}

describe('two clients rotate one key on the active node at the same time', () => {
  it('the unprotected control must lose: newest version of the active node, then another leader', async () => {
    expect(await lostAfterPressure('plain', {})).toBeGreaterThan(0);
  });

  it('R-CHANGE-08 a mount made with force_no_cache loses nothing in the same pressure', async () => {
    expect(await lostAfterPressure('uncached', { force_no_cache: true })).toBe(0);
  });
});
