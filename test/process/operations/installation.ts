import { appendFile, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { keystoreContract } from '../../../keystore-contract/host-contract.ts';
import {
  followPluginList,
  listedPlugin,
  loadPluginList,
  PluginCallError,
  type PluginHandle,
  startPluginHost,
} from '../../../plugin-host/index.ts';
import { builtPlugin } from '../../support/built-plugin.ts';
import { documentedCommands } from '../../support/operations-document.ts';
import { type LogEntry, recordLog } from '../plugin-host/host-fixture.ts';
import { emptyPlace, KEY, type Place } from './place.ts';

export const RELEASE = '0.1.0';

/** A place with the AppRole set-up and the plugin installed, both as documented, and a host that follows `plugins.yaml`. */
export interface Installation extends Place {
  readonly plugin: PluginHandle<typeof keystoreContract>;
  readonly log: readonly LogEntry[];
  /** What the last command of the installation has printed. */
  readonly status: string;
  encrypt(plaintext: string): Promise<Buffer>;
  /** The plaintext, or the reason of the refusal. */
  decrypt(ciphertext: Buffer): Promise<string>;
  /** What CMK would show: the status of the key, or the text of the refusal. */
  keyStatus(): Promise<string>;
}

// A busy machine is not what is looked at here.
const MORE_CONFIGURATION = `limits: { readBudgetMs: 10000, loginBudgetMs: 20000, connectTimeoutMs: 10000 }
audit: { level: info, detail: full }
`;

const contracts = [keystoreContract];
const parameters = { keyId: KEY, config: undefined };

export async function install(configuration?: (folder: string) => string): Promise<Installation> {
  await using resources = new AsyncDisposableStack();
  const place = resources.use(await emptyPlace(configuration));
  await place.setUp('AppRole');
  await appendFile(join(place.folder, 'plugin.yaml'), MORE_CONFIGURATION);
  const plugins = join(place.folder, 'plugins');
  await mkdir(plugins);
  const variables = { PLUGIN: builtPlugin(), PLUGINS: plugins, RELEASE };
  const run: Place['run'] = (block, more) => place.run(block, { ...variables, ...more });
  const status = await run(documentedCommands('Install under CMK'));

  const sockets = await mkdtemp(join(tmpdir(), 'sockets-'));
  resources.defer(() => rm(sockets, { recursive: true }));
  const log: LogEntry[] = [];
  const logger = recordLog(log);
  const file = join(place.folder, 'plugins.yaml');
  const list = await loadPluginList(file, { contracts });
  const host = resources.use(
    await startPluginHost({ directory: plugins, logger, socketDirectory: sockets, plugins: list.plugins }),
  );
  const plugin = listedPlugin(host, keystoreContract, 'OPENBAO');
  await plugin.ready();
  resources.use(followPluginList(host, file, { contracts, list, logger, debounceMs: 50 }));
  const { crypto, operations } = plugin.client;
  const held = resources.move();
  return {
    ...place,
    ...{ plugin, log, status, run },
    async encrypt(plaintext) {
      return (await crypto.encrypt({ parameters, plaintext: Buffer.from(plaintext) })).ciphertext;
    },
    async decrypt(ciphertext) {
      try {
        return (await crypto.decrypt({ parameters, ciphertext })).plaintext.toString();
      } catch (error) {
        if (error instanceof PluginCallError) return error.errorInfo?.reason ?? error.message;
        throw error;
      }
    },
    async keyStatus() {
      try {
        return (await operations.getKey({ parameters })).status;
      } catch (error) {
        if (error instanceof PluginCallError) return error.message;
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** A second executable: the built one, and a byte more so that its checksum is another. */
export async function nextRelease(folder: string): Promise<string> {
  const file = join(folder, 'next-release');
  await copyFile(builtPlugin(), file);
  await appendFile(file, '\n');
  return file;
}
