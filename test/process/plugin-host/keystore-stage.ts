import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { keystoreContract } from '../../../keystore-contract/host-contract.ts';
import { type PluginHandle, type PluginOptions, startPluginHost } from '../../../plugin-host/index.ts';
import { createKey } from '../../../scripts/openbao/setup.ts';
import { builtPlugin, sha256 } from '../../support/built-plugin.ts';
import { type Customer, PATIENT, startCustomer } from '../../support/customer.ts';
import { type LogEntry, recordLog } from './host-fixture.ts';

const KEY = 'l1';
const SECRET = Buffer.from('a data key');

/** The built executable under a host, with a customer's OpenBao behind it. */
export interface KeystoreStage extends AsyncDisposable {
  readonly plugin: PluginHandle<typeof keystoreContract>;
  readonly customer: Customer;
  readonly log: LogEntry[];
  /** Encrypts and decrypts; rejects when anything is wrong. */
  call(): Promise<void>;
}

/** Disposing closes the host and fails when a socket directory is left. */
export async function startKeystoreStage(options: Partial<PluginOptions> = {}): Promise<KeystoreStage> {
  const file = builtPlugin();
  const sockets = await mkdtemp(join(tmpdir(), 'sockets-'));
  const log: LogEntry[] = [];
  await using resources = new AsyncDisposableStack();
  resources.defer(() => rm(sockets, { recursive: true }));
  const customer = resources.use(await startCustomer());
  await createKey(customer.bao, { key: KEY });
  const host = resources.use(
    await startPluginHost({
      directory: dirname(file),
      logger: recordLog(log),
      socketDirectory: sockets,
      plugins: {
        OPENBAO: {
          file: basename(file),
          sha256: sha256(file),
          configuration: customer.yaml('approle', PATIENT),
          callTimeoutMs: 60_000,
          ...options,
          contract: keystoreContract,
        },
      },
    }),
  );
  const plugin = host.plugin('OPENBAO');
  await plugin.ready();
  const parameters = { keyId: KEY, config: undefined };
  const held = resources.move();
  return {
    plugin,
    customer,
    log,
    async call() {
      const { crypto } = plugin.client;
      const { ciphertext } = await crypto.encrypt({ parameters, plaintext: SECRET });
      const { plaintext } = await crypto.decrypt({ parameters, ciphertext });
      if (!plaintext.equals(SECRET)) throw new Error('another plaintext');
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      const left = await readdir(sockets);
      await held.disposeAsync();
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}
