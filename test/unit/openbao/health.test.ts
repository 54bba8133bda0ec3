import { Secret } from '../../../src/config/secret.ts';
import { createClusterSource } from '../../../src/openbao/cluster-source.ts';
import { HealthProbe } from '../../../src/openbao/health.ts';
import {
  cut,
  type FakeOpenBao,
  hold,
  json,
  type Reply,
  stall,
  startFakeOpenBao,
  text,
} from '../../support/fake-openbao.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HEALTH = 'sys/health';
const node = (status: number, fields: object = {}): Reply =>
  json(status, { initialized: true, sealed: status === 503, standby: status === 429, version: '2.7.2', ...fields });

let fakes: FakeOpenBao[];
beforeAll(async () => {
  fakes = [await startFakeOpenBao(), await startFakeOpenBao(), await startFakeOpenBao()];
});
afterAll(async () => {
  await Promise.all(fakes.map((fake) => fake[Symbol.asyncDispose]()));
});

/** A probe of as many servers as there are replies. */
function probeOf(...replies: Reply[]) {
  const servers = fakes.slice(0, replies.length);
  for (const [index, fake] of servers.entries()) fake.on('GET', HEALTH, replies[index]!);
  const clock = new ManualClock();
  const source = createClusterSource({
    target: {
      origins: servers.map(({ address }) => address),
      ca: { source: 'file', file: { path: '/ca' } },
      serverName: undefined,
      allowPrivateAddresses: true,
    },
    limits: { maxConnectionsPerSession: 2, connectTimeoutMs: 1000, maxAnswerBytes: 10_000 },
    read: () => Promise.resolve(new Secret(servers.map(({ caPem }) => caPem).join(''))),
  });
  const probe = new HealthProbe({ cluster: () => source.refresh(), clock, budgetMs: 1200 });
  const before = servers.map((fake) => fake.seen('GET', HEALTH).length);
  return {
    probe,
    source,
    clock,
    servers,
    probes: () => servers.map((fake, index) => fake.seen('GET', HEALTH).length - before[index]!),
    [Symbol.asyncDispose]: () => source.close(),
  };
}

describe('R-CRYPTO-21 the health of a cluster', () => {
  it.each<[string, Reply[], string, string[]]>([
    ['one active server', [node(200)], 'ACTIVE', ['active']],
    ['an active server and standbys', [node(429), node(200), node(473)], 'ACTIVE', ['standby', 'active', 'standby']],
    ['a sealed server among others', [node(200), node(503)], 'DEGRADED', ['active', 'sealed']],
    ['a server that is down among others', [cut, node(200)], 'DEGRADED', ['down', 'active']],
    ['standbys without an active server', [node(429), node(472)], 'DEGRADED', ['standby', 'standby']],
    ['one sealed server', [node(503)], 'UNAVAILABLE', ['sealed']],
    ['one uninitialised server', [node(501)], 'UNAVAILABLE', ['uninitialised']],
    ['no server', [cut, cut], 'UNAVAILABLE', ['down', 'down']],
    ['a page with status 200', [text(200, '<html>fine</html>')], 'UNAVAILABLE', ['down']],
    ['JSON of another server', [json(200, { status: 'ok' })], 'UNAVAILABLE', ['down']],
    ['a page of a proxy', [text(503, '<html>')], 'UNAVAILABLE', ['down']],
    ['a status that nobody knows', [node(299)], 'UNAVAILABLE', ['down']],
  ])('%s', async (_name, replies, state, roles) => {
    await using stage = probeOf(...replies);
    const health = await stage.probe.check();
    expect(health.state).toBe(state);
    expect(health.endpoints.map(({ role }) => role)).toEqual(roles);
    expect(health.endpoints.map(({ id }) => id)).toEqual(stage.servers.map(({ port }) => `127.0.0.1:${port}`));
    expect(health.reason === undefined).toBe(state === 'ACTIVE');
    expect(stage.clock.pending).toEqual([]);
  });

  it('a server that hangs is down once the time is up', async () => {
    await using stage = probeOf(stall);
    const check = stage.probe.check();
    await stage.servers[0]!.requested('GET', HEALTH, stage.servers[0]!.seen('GET', HEALTH).length + 1);
    stage.clock.advance(1200);
    expect(await check).toMatchObject({ state: 'UNAVAILABLE', endpoints: [{ role: 'down' }] });
  });

  it('is told with the version of OpenBao, and only if it looks like one', async () => {
    await using good = probeOf(node(200));
    expect((await good.probe.check()).providerVersion).toBe('2.7.2');
    for (const version of ['<b>', 'x'.repeat(65), 7, null, '2.7.2\n']) {
      await using odd = probeOf(node(200, { version }));
      expect((await odd.probe.check()).providerVersion).toBe('');
    }
  });

  it('is asked without token and namespace', async () => {
    await using stage = probeOf(node(200));
    await stage.probe.check();
    const { headers } = stage.servers[0]!.seen('GET', HEALTH).at(-1)!;
    expect([headers['x-vault-token'], headers['x-vault-namespace']]).toEqual([undefined, undefined]);
  });

  it('is asked once for all who ask, and not again for 10 s', async () => {
    const held = hold(node(200));
    await using stage = probeOf(held.reply);
    const checks = Promise.all(Array.from({ length: 20 }, () => stage.probe.check()));
    held.release();
    const [first] = await checks;
    stage.clock.advance(9999);
    expect(await stage.probe.check()).toBe(first);
    expect(stage.probes()).toEqual([1]);
    stage.clock.advance(1);
    expect(await stage.probe.check()).not.toBe(first);
    expect(stage.probes()).toEqual([2]);
  });

  it('fails when the cluster cannot be opened, and is asked anew next time', async () => {
    await using stage = probeOf(node(200));
    let open = (): ReturnType<typeof stage.source.refresh> => Promise.reject(new Error('unreadable'));
    const probe = new HealthProbe({ cluster: () => open(), clock: stage.clock, budgetMs: 1200 });
    await expect(probe.check()).rejects.toThrow('unreadable');
    open = () => stage.source.refresh();
    expect(await probe.check()).toMatchObject({ state: 'ACTIVE' });
  });
});
