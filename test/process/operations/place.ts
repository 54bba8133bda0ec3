import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type RaftNode, startRaftCluster } from '../../../scripts/openbao/raft-cluster.ts';
import { administratorShell, documentedCommands } from '../../support/operations-document.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

export const KEY = 'l1';

/** An OpenBao that was only initialised, and a directory for whoever follows docs/operations.md. */
export interface Place extends AsyncDisposable {
  readonly node: RaftNode;
  readonly folder: string;
  /** What the document calls so. */
  readonly credentials: string;
  /** Runs a block with what the document takes from its surroundings, and answers what it has printed. */
  run(block: string, variables?: Readonly<Record<string, string>>): Promise<string>;
  /** From nothing to the examination, which is answered. */
  setUp(way: string, variables?: Readonly<Record<string, string>>): Promise<string>;
  /** Writes a file for its owner alone, and answers its path. */
  write(name: string, content: string): Promise<string>;
}

/** Starts it; `configuration` is HCL added to OpenBao's own. */
export async function emptyPlace(configuration: (folder: string) => string = () => ''): Promise<Place> {
  await using resources = new AsyncDisposableStack();
  const { path: folder } = resources.use(await temporaryFolder());
  const cluster = resources.use(await startRaftCluster({ nodes: 1, configuration: () => configuration(folder) }));
  const node = await cluster.active();
  const credentials = join(folder, 'credentials');
  await mkdir(credentials);
  const { caFile, rootToken } = cluster;
  const shell = administratorShell({ address: node.address, caFile, rootToken }, folder);
  const run: Place['run'] = (block, variables) => shell(block, { KEY, CREDENTIALS: credentials, ...variables });
  const held = resources.move();
  return {
    ...{ node, folder, credentials, run },
    async setUp(way, variables) {
      const commands = documentedCommands('The key', way);
      const examination = /^keystoreop-openbao doctor .*$/m.exec(commands)?.[0] ?? '';
      // The documented configuration has the plugin's own limits, which a busy machine may not keep at the first try.
      return run(commands, variables).catch((error: unknown) =>
        run(examination, variables).catch((again: unknown) => {
          throw new Error(String(again), { cause: error });
        }),
      );
    },
    async write(name, content) {
      const file = join(folder, name);
      await writeFile(file, content, { mode: 0o600 });
      return file;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
