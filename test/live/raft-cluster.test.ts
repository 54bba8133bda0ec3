import { readFileSync, readlinkSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';

import { poll } from '../../scripts/openbao/poll.ts';
import { startRaftCluster } from '../../scripts/openbao/raft-cluster.ts';
import { demand } from '../../scripts/openbao/request.ts';
import { createKey, mountTransit, readKey } from '../../scripts/openbao/setup.ts';
import { processGone } from '../support/process-gone.ts';

const KEY = { key: 'k' };
/** Four elections; each takes a second or two, and once in a while most of a minute. */
const LONGEST_MS = 300_000;

describe('the cluster that the tests use', () => {
  it(
    'changes its leader when it is killed, frozen or steps down, keeps its data, and leaves nothing behind',
    async () => {
      await using cluster = await startRaftCluster();
      const first = await cluster.active();
      await mountTransit(first);
      await createKey(first, KEY);
      const former = first.pid;

      await first.kill();
      const second = await cluster.active();
      expect(second).not.toBe(first);
      await first.restart();
      expect(first.pid).not.toBe(former);

      second.pause();
      const third = await cluster.active();
      expect(third).not.toBe(second);
      second.resume();
      // Thawed, it holds itself active until the others contradict.
      await poll('standby', 10_000, () => demand(second.request, 429, 'GET', 'sys/health'));

      const fourth = await cluster.stepDown();
      expect(fourth).not.toBe(third);
      expect(await readKey(fourth, KEY)).toMatchObject({ latest_version: 1 });

      const pids = cluster.nodes.map(({ pid }) => pid);
      await cluster.stop();
      await Promise.all(pids.map(processGone));
      await expect(access(dirname(cluster.caFile))).rejects.toThrow('ENOENT');
      await expect(first.restart()).rejects.toThrow('the cluster was stopped');
    },
    LONGEST_MS,
  );

  it('leaves nothing behind when only a part of it starts', async () => {
    let started: { pid: number; folder: string }[] = [];
    const configuration = (node: number): string => {
      if (node < 2) return '';
      started = ownServers();
      return 'this is no configuration {';
    };
    await expect(startRaftCluster({ configuration })).rejects.toThrow('OpenBao ended while starting');
    expect(started).toHaveLength(2);
    for (const { pid, folder } of started) {
      await processGone(pid);
      await expect(access(folder)).rejects.toThrow('ENOENT');
    }
  });
});

/** The nodes of clusters that this process has started and that run now. */
function ownServers(): { pid: number; folder: string }[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number);
  return children
    .map((pid) => ({ pid, folder: readlinkSync(`/proc/${pid}/cwd`) }))
    .filter(({ folder }) => folder.includes('openbao-raft-'));
}
