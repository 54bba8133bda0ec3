import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keystoreContract } from '../../keystore-contract/host-contract.ts';
import { startPluginHost, type HostLogger, type PluginHandle } from '../../plugin-host/index.ts';
import { PRODUCT } from '../build/product.ts';
import type { OpenBaoServer } from '../openbao/server.ts';
import type { HandedOver } from './customer.ts';

/** A plugin of the demo's host. */
export type Plugin = PluginHandle<typeof keystoreContract>;

/** An installed plugin. */
export interface Installed {
  readonly directory: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly configuration: string;
}

/** Puts the executable into a plugins directory and writes its configuration. */
export async function installPlugin(folder: string, bao: OpenBaoServer, handedOver: HandedOver): Promise<Installed> {
  const directory = join(folder, 'plugins');
  const file = 'keystoreop-openbao';
  await mkdir(directory);
  await copyFile(PRODUCT.executable, join(directory, file));
  const content = await readFile(join(directory, file));
  const fromFile = (path: string): string => `{ source: file, file: { path: ${JSON.stringify(path)} } }`;
  const configuration = [
    'openbao:',
    `  addresses: [${JSON.stringify(bao.address)}]`,
    `  ca: ${fromFile(bao.caFile)}`,
    'auth:',
    '  method: approle',
    `  roleId: ${fromFile(handedOver.roleIdFile)}`,
    `  secretId: ${fromFile(handedOver.secretIdFile)}`,
    '',
  ].join('\n');
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { directory, file, sha256, bytes: content.length, configuration };
}

/** Starts a host that loads the plugin; the handle is ready. */
export async function loadPlugin(
  { directory, file, sha256, configuration }: Installed,
  { logger, signal, folder }: { logger: HostLogger; signal: AbortSignal; folder: string },
): Promise<{ plugin: Plugin } & AsyncDisposable> {
  const host = await startPluginHost({
    directory,
    logger,
    signal,
    socketDirectory: folder,
    plugins: { OPENBAO: { contract: keystoreContract, file, sha256, configuration } },
  });
  const plugin = host.plugin('OPENBAO');
  try {
    await plugin.ready({ signal });
  } catch (error) {
    await host.close();
    throw error;
  }
  return { plugin, [Symbol.asyncDispose]: () => host.close() };
}
