import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import type { Cluster } from '../../../src/openbao/cluster.ts';
import { type ClusterSource, createClusterSource } from '../../../src/openbao/cluster-source.ts';
import { cut, errors, type FakeOpenBao, hold, json, stall, startFakeOpenBao } from '../../support/fake-openbao.ts';
import { createAuthority } from '../../support/pki.ts';
import { until } from '../../support/until.ts';

const LIMITS = { maxConnectionsPerSession: 2, connectTimeoutMs: 1000, maxAnswerBytes: 10_000 };
const PATH = 'transit/keys/k';
const HEALTH = 'sys/health';
const signal = new AbortController().signal;

function sourceOf(origins: readonly string[], ca: () => string | undefined): ClusterSource {
  return createClusterSource({
    target: {
      origins,
      ca: { source: 'file', file: { path: '/ca' } },
      serverName: undefined,
      allowPrivateAddresses: true,
    },
    limits: LIMITS,
    read: () => {
      const pem = ca();
      return pem === undefined ? Promise.reject(new Error('CANARY')) : Promise.resolve(new Secret(pem));
    },
  });
}
const read = (cluster: Cluster) => cluster.send('any', { verb: 'read', path: PATH, namespace: '', signal });
/** How often a server was used, apart from questions about what it is. */
const uses = (server: FakeOpenBao): number => server.seen('GET', PATH).length;
const failure = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

async function twoServers() {
  const [a, b] = [await startFakeOpenBao(), await startFakeOpenBao()];
  for (const server of [a, b]) server.on('GET', PATH, json(200, { data: {} }));
  const source = sourceOf([a.address, b.address], () => a.caPem + b.caPem);
  return {
    a,
    b,
    cluster: await source.refresh(),
    async [Symbol.asyncDispose]() {
      await source.close();
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

describe('the servers of a cluster', () => {
  it('are used one at a time, the next one when one cannot be reached', async () => {
    await using servers = await twoServers();
    const { a, b, cluster } = servers;
    await read(cluster);
    await read(cluster);
    expect([uses(a), uses(b)]).toEqual([2, 0]);
    a.on('GET', PATH, (response) => void response.socket?.destroy());
    expect(await failure(read(cluster))).toMatchObject({ class: 'unreachable' });
    expect(await read(cluster)).toMatchObject({ status: 200 });
    expect(uses(b)).toBe(1);
  });

  it.each([307, 502, 503, 504])('the next one after a %i', async (status) => {
    await using servers = await twoServers();
    const { a, b, cluster } = servers;
    a.on('GET', PATH, errors(status, 'Vault is sealed'));
    expect(await read(cluster)).toMatchObject({ status });
    expect(await read(cluster)).toMatchObject({ status: 200 });
    expect(uses(b)).toBe(1);
  });

  it.each([400, 403, 404, 429, 500])('the same one after a %i', async (status) => {
    await using servers = await twoServers();
    const { a, b, cluster } = servers;
    a.on('GET', PATH, errors(status, 'x'));
    await read(cluster);
    await read(cluster);
    expect([uses(a), uses(b)]).toEqual([2, 0]);
  });

  it('many failures at once move on by one', async () => {
    await using servers = await twoServers();
    const { a, b, cluster } = servers;
    const bad = hold(errors(503, 'Vault is sealed'));
    a.on('GET', PATH, bad.reply);
    const calls = [read(cluster), read(cluster)];
    await a.requested('GET', PATH, 2);
    bad.release();
    await Promise.all(calls);
    await read(cluster);
    expect(uses(b)).toBe(1);
  });

  it('R-SEC-05 R-AUTH-03 a redirect from one to another is not followed', async () => {
    await using servers = await twoServers();
    const { a, b, cluster } = servers;
    a.on('GET', PATH, (response) => response.writeHead(307, { location: `${b.address}/v1/${PATH}` }).end());
    expect(await read(cluster)).toMatchObject({ status: 307 });
    expect(uses(b)).toBe(0);
  });

  describe('what the active one must do', () => {
    const health = (standby: boolean) => json(standby ? 429 : 200, { sealed: false, standby });
    const write = (cluster: Cluster) => cluster.send('active', { verb: 'read', path: PATH, namespace: '', signal });

    it('R-CHANGE-05 goes to the one that says so, which is asked for once', async () => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      a.on('GET', HEALTH, health(true));
      b.on('GET', HEALTH, health(false));
      await write(cluster);
      await write(cluster);
      expect([uses(a), uses(b), b.seen('GET', HEALTH).length]).toEqual([0, 2, 1]);
    });

    it('goes to the new one when the old one is that no longer', async () => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      a.on('GET', HEALTH, health(false), health(true));
      b.on('GET', HEALTH, health(true), health(false));
      a.on(
        'GET',
        PATH,
        json(200, { data: {} }),
        errors(500, 'local node not active but active cluster node not found'),
      );
      await write(cluster);
      await write(cluster);
      await write(cluster);
      expect([uses(a), uses(b)]).toEqual([2, 1]);
    });

    it('R-CHANGE-05 is found although another one hangs', async () => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      a.on('GET', HEALTH, stall);
      b.on('GET', HEALTH, health(false));
      await write(cluster);
      expect([uses(a), uses(b)]).toEqual([0, 1]);
    });

    it('R-KEY-10 does what any could do, too: a standby knows changes late', async () => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      a.on('GET', HEALTH, health(true));
      b.on('GET', HEALTH, health(false));
      await read(cluster);
      expect([uses(a), uses(b)]).toEqual([0, 1]);
    });

    it('is not looked for before each use while there is none', async () => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      for (const server of [a, b]) server.on('GET', HEALTH, health(true));
      for (let calls = 0; calls < 10; calls += 1) await read(cluster);
      expect([uses(a), a.seen('GET', HEALTH).length]).toEqual([10, 1]);
    });

    it('goes to any of them when none says so: it passes it on', async () => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      for (const server of [a, b]) server.on('GET', HEALTH, health(true));
      expect(await write(cluster)).toMatchObject({ status: 200 });
      expect(await cluster.findActive(signal)).toBeUndefined();
    });

    it('is not asked about where there is one address', async () => {
      await using fake = await startFakeOpenBao();
      fake.on('GET', PATH, json(200, { data: {} }));
      const source = sourceOf([fake.address], () => fake.caPem);
      await write(await source.refresh());
      expect(fake.requests.map(({ path }) => path)).toEqual([PATH]);
      await source.close();
    });

    it.each([
      ['sealed', json(503, { sealed: true, standby: true })],
      ['another server', json(200, {})],
      ['cut off', cut],
    ])('is not expected of one that is %s', async (_name, reply) => {
      await using servers = await twoServers();
      const { a, b, cluster } = servers;
      a.on('GET', HEALTH, reply);
      b.on('GET', HEALTH, health(false));
      expect(await cluster.findActive(signal)).toBe(b.address);
    });
  });

  it('without an address there is nothing to reach', async () => {
    const source = sourceOf([], () => 'ca');
    expect(await failure(read(await source.refresh()))).toMatchObject({ class: 'unreachable' });
    await source.close();
  });
});

describe('R-CONF-10 the file of trusted authorities', () => {
  let fake: FakeOpenBao;
  beforeAll(async () => {
    fake = await startFakeOpenBao();
    fake.on('GET', PATH, json(200, { data: {} }));
  });
  afterAll(() => fake[Symbol.asyncDispose]());

  it('is read at each refresh, and as long as it says the same the connections stay', async () => {
    const source = sourceOf([fake.address], () => fake.caPem);
    const cluster = await source.refresh();
    expect(await source.refresh()).toBe(cluster);
    expect(await Promise.all([source.refresh(), source.refresh()])).toEqual([cluster, cluster]);
    await source.close();
  });

  it('that changed makes new connections, and the old ones end after their requests', async () => {
    let ca = (await createAuthority({ commonName: 'Old CA' })).certificatePem + fake.caPem;
    const source = sourceOf([fake.address], () => ca);
    const before = await source.refresh();
    const held = hold(json(200, { data: {} }));
    fake.on('GET', PATH, held.reply, json(200, { data: {} }));
    const running = read(before);
    await fake.requested('GET', PATH, fake.seen('GET', PATH).length + 1);
    ca = fake.caPem;
    const after = await source.refresh();
    expect(after).not.toBe(before);
    expect(await read(after)).toMatchObject({ status: 200 });
    held.release();
    expect(await running).toMatchObject({ status: 200 });
    expect(await failure(read(before))).toMatchObject({ class: 'unreachable' });
    await source.close();
    await until('all connections end', () => fake.connections === 0);
  });

  it('that no longer trusts the server ends its use', async () => {
    let ca = fake.caPem;
    const source = sourceOf([fake.address], () => ca);
    expect(await read(await source.refresh())).toMatchObject({ status: 200 });
    ca = (await createAuthority({ commonName: 'Another CA' })).certificatePem;
    expect(await failure(read(await source.refresh()))).toMatchObject({ class: 'tls-failure' });
    await source.close();
  });

  it('that cannot be read is a fault of the connection, and says nothing of what was read', async () => {
    const source = sourceOf([fake.address], () => undefined);
    const error = await failure(source.refresh());
    expect(error).toBeInstanceOf(KeystoreError);
    expect(error).toMatchObject({ class: 'tls-failure', details: { cause: 'CA_UNREADABLE' } });
    expect(JSON.stringify(error)).not.toContain('CANARY');
    await source.close();
  });
});
