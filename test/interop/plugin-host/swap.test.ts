import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { type PluginHandle, startPluginHost } from '../../../plugin-host/index.ts';
import { createKey } from '../../../scripts/openbao/setup.ts';
import { startCallers } from '../../../scripts/callers.ts';
import { kill } from '../../process/plugin-host/down.ts';
import { type LogEntry, recordLog } from '../../process/plugin-host/host-fixture.ts';
import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { type Customer, PATIENT, startCustomer } from '../../support/customer.ts';
import { memoryConfiguration, memoryContract } from '../../support/go-memory.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { rounds } from '../../support/scale.ts';
import { KEY, PARAMETERS, startMemoryHost } from './memory-host.ts';

const BUILD_MS = 600_000;
const LONGEST_MS = 600_000;
const CALLERS = 64;
const SECRET = Buffer.from('a data key');
const CIPHERTEXT = 'vault:v1:';

/** What makes a process of one kind: what `replace` takes. */
interface Kind {
  readonly file: string;
  readonly sha256: string;
  readonly args: readonly string[];
  readonly configuration: string;
}

/** One handle, behind which either may serve. */
interface SwapStage extends AsyncDisposable {
  readonly plugin: PluginHandle<typeof memoryContract>;
  readonly log: LogEntry[];
  readonly kinds: Readonly<Record<'ours' | 'go', Kind>>;
}

async function startSwapStage(programs: GoPrograms, customer: Customer): Promise<SwapStage> {
  const directory = process.cwd();
  const kind = (path: string, args: readonly string[], configuration: string): Kind => ({
    file: relative(directory, path),
    sha256: sha256(path),
    args,
    configuration,
  });
  const kinds = {
    ours: kind(builtPlugin(), [], customer.yaml('approle', PATIENT)),
    go: kind(
      programs.memory,
      ['-descriptors', programs.descriptors],
      memoryConfiguration({ keys: { [KEY]: 'tenant-1' } }),
    ),
  };
  const sockets = await mkdtemp(join(tmpdir(), 'sockets-'));
  const log: LogEntry[] = [];
  await using resources = new AsyncDisposableStack();
  resources.defer(() => rm(sockets, { recursive: true }));
  const host = resources.use(
    await startPluginHost({
      directory,
      logger: recordLog(log),
      socketDirectory: sockets,
      plugins: { KEYSTORE: { ...kinds.ours, contract: memoryContract, callTimeoutMs: 60_000 } },
    }),
  );
  const plugin = host.plugin('KEYSTORE');
  await plugin.ready();
  const held = resources.move();
  return {
    plugin,
    log,
    kinds,
    async [Symbol.asyncDispose]() {
      await host.close();
      const left = await readdir(sockets);
      await held.disposeAsync();
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

const SWAPS = rounds(20);

describeWithGo('a plugin in Go in the place of ours, and back', () => {
  let programs: GoPrograms;
  let customer: Customer;
  beforeAll(async () => {
    programs = buildGoPrograms();
    customer = await startCustomer();
    await createKey(customer.bao, { key: KEY });
  }, BUILD_MS);
  afterAll(() => customer[Symbol.asyncDispose]());

  test(
    `R-HOST-15 ${SWAPS} swaps in a row under ${CALLERS} callers: no call fails, and both have served`,
    async () => {
      await using stage = await startSwapStage(programs, customer);
      const { plugin, kinds } = stage;
      const served: string[] = [];
      const callers = startCallers(CALLERS, async () => {
        const { crypto, operations } = plugin.client;
        const { ciphertext } = await crypto.encrypt({ parameters: PARAMETERS, plaintext: SECRET });
        const { keyId, status } = await operations.getKey({ parameters: PARAMETERS });
        if (!ciphertext.toString('latin1').startsWith(CIPHERTEXT) || keyId !== KEY || status !== 'ENABLED') {
          throw new Error('another answer');
        }
      });
      for (let swap = 1; swap <= SWAPS; swap += 1) {
        await callers.answers(CALLERS);
        const { buildInfo, generation } = await plugin.replace(swap % 2 === 1 ? kinds.go : kinds.ours);
        expect(generation).toBe(swap + 1);
        served.push((JSON.parse(buildInfo ?? '{}') as { product?: string }).product === 'memory' ? 'go' : 'ours');
      }
      await callers.answers(CALLERS);
      await callers.stop();
      expect(callers.errors).toEqual([]);
      expect(served).toEqual(Array.from({ length: SWAPS }, (_, index) => (index % 2 === 0 ? 'go' : 'ours')));
      expect(plugin.status()).toMatchObject({ generation: SWAPS + 1, swaps: SWAPS, restarts: 0 });
      expect(plugin.status().calls.outcomes).toEqual({
        ok: callers.answered * 2,
        refused: 0,
        late: 0,
        lost: 0,
        cancelled: 0,
      });
      const ends = stage.log.filter(({ message }) => message === 'plugin process ended');
      expect(ends.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: SWAPS }, () => 0));
    },
    LONGEST_MS,
  );

  test('R-HOST-15 what one encrypts the other refuses, so each answers for itself', async () => {
    await using stage = await startSwapStage(programs, customer);
    const { plugin, kinds } = stage;
    const { crypto } = plugin.client;
    const integrity = { errorInfo: { reason: 'INTEGRITY_FAILURE' }, status: 'INVALID_ARGUMENT' };
    const { ciphertext: ofOurs } = await crypto.encrypt({ parameters: PARAMETERS, plaintext: SECRET });
    await plugin.replace(kinds.go);
    await expect(crypto.decrypt({ parameters: PARAMETERS, ciphertext: ofOurs })).rejects.toMatchObject(integrity);
    const { ciphertext: ofGo } = await crypto.encrypt({ parameters: PARAMETERS, plaintext: SECRET });
    await plugin.replace(kinds.ours);
    await expect(crypto.decrypt({ parameters: PARAMETERS, ciphertext: ofGo })).rejects.toMatchObject(integrity);
    await expect(crypto.decrypt({ parameters: PARAMETERS, ciphertext: ofOurs })).resolves.toMatchObject({
      plaintext: SECRET,
    });
    // The configuration of the one before comes with it, and with the configuration its keys.
    await plugin.replace(kinds.go);
    await expect(crypto.decrypt({ parameters: PARAMETERS, ciphertext: ofGo })).resolves.toMatchObject({
      plaintext: SECRET,
    });
  });

  test('R-HOST-12 R-HOST-08 kill -9 under callers: each call in flight tells why, and the same configuration serves again', async () => {
    await using host = await startMemoryHost(programs, { restart: { minBackoffMs: 50, maxRestarts: 100 } });
    const { plugin } = host;
    const { pid } = await plugin.ready();
    const { ciphertext } = await plugin.client.crypto.encrypt({ parameters: PARAMETERS, plaintext: SECRET });
    const callers = startCallers(CALLERS, () => host.call());
    const falls = 5;
    const pids = new Set([pid]);
    for (let fall = 1; fall <= falls; fall += 1) {
      await callers.answers(CALLERS);
      await expect(kill({ plugin })).resolves.toMatchObject({ generation: fall, signal: 'SIGKILL' });
      pids.add((await plugin.ready()).pid);
      await expect(plugin.client.crypto.decrypt({ parameters: PARAMETERS, ciphertext })).resolves.toMatchObject({
        plaintext: SECRET,
      });
    }
    await callers.answers(CALLERS);
    await callers.stop();
    expect(pids.size).toBe(falls + 1);
    for (const error of callers.errors) {
      expect(error).toMatchObject({ code: 'ERR_PLUGIN_EXITED', details: { plugin: 'MEMORY', signal: 'SIGKILL' } });
    }
    expect(new Set(callers.errors).size).toBeLessThanOrEqual(falls);
    expect(plugin.status()).toMatchObject({ restarts: falls, lastCrash: { signal: 'SIGKILL' } });
  });
});
