import { poll } from './poll.ts';
import type { OwnedMember } from './raft-node.ts';
import { createRequester, demand } from './request.ts';

const START_LIMIT_MS = 40_000;

/** Initialises the first node, lets the others join, and resolves with the root token when all have a vote. */
export async function bringUp(members: readonly OwnedMember[], caPem: string): Promise<string> {
  const [first] = members;
  if (first === undefined) throw new Error('OpenBao: a cluster has at least one node');
  const failed = Promise.race(members.map((member) => member.failed));
  const wait = <T>(what: string, ask: () => Promise<T>): Promise<T> => poll(what, START_LIMIT_MS, ask, failed);
  const expectHealth = async (member: OwnedMember, status: number): Promise<void> => {
    const ask = createRequester({ address: member.address, caPem });
    await wait(`health ${status} of ${member.id}`, () => demand(ask, status, 'GET', 'sys/health'));
  };

  await expectHealth(first, 501);
  const stranger = createRequester({ address: first.address, caPem });
  const shares = { recovery_shares: 1, recovery_threshold: 1 };
  const made = await demand(stranger, 200, 'POST', 'sys/init', shares);
  const { root_token: token } = made.body as { root_token: string };
  const request = createRequester({ address: first.address, caPem, token });
  await expectHealth(first, 200);
  // Joined nodes get their vote when they have been well for this long.
  const stabilisation = { server_stabilization_time: '1s' };
  await demand(request, 204, 'POST', 'sys/storage/raft/autopilot/configuration', stabilisation);
  await Promise.all(members.slice(1).map((member) => expectHealth(member, 429)));
  await wait('cluster in which all nodes vote', async () => {
    const answer = await demand(request, 200, 'GET', 'sys/storage/raft/configuration');
    const { servers } = (answer.body as { data: { config: { servers: { voter: boolean }[] } } }).data.config;
    const voters = servers.filter(({ voter }) => voter).length;
    if (voters !== members.length) throw new Error(`${voters} voters`);
  });
  return token;
}
