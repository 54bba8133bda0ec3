import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

import {
  type PluginHandle,
  type PluginHostError,
  type PluginOptions,
  startPluginHost,
} from '../../../plugin-host/index.ts';
import { type LogEntry, processesWith, recordLog } from '../../process/plugin-host/host-fixture.ts';
import { sha256 } from '../../support/built-plugin.ts';
import { memoryConfiguration, memoryContract, type OwnerAct } from '../../support/go-memory.ts';
import type { GoPrograms } from '../../support/go.ts';

/** The key of {@link startMemoryHost}, which everybody may use. */
export const KEY = 'l1';
export const PARAMETERS = { keyId: KEY, config: undefined };

type Contract = Omit<typeof memoryContract, 'protocolVersions'> & { readonly protocolVersions: readonly number[] };
export type MemoryOptions = Partial<Omit<PluginOptions, 'contract' | 'file' | 'sha256'>> & {
  /** Of the executable; test/go/cmd/memory says which there are. */
  readonly flags?: readonly string[];
  /** The executable; by default it is of test/go/cmd/memory. */
  readonly path?: string;
  /** What the host speaks. Default `[1]`. */
  readonly protocolVersions?: readonly number[];
};

/** A plugin in Go under our host. */
export interface MemoryHost extends AsyncDisposable {
  readonly plugin: PluginHandle<Contract>;
  readonly log: LogEntry[];
  /** Makes it misbehave, or does what the owner of the keystore does. */
  act(act: OwnerAct): Promise<unknown>;
  /** Encrypts and decrypts; rejects when anything is wrong. */
  call(): Promise<void>;
  close(): Promise<void>;
  /** What is left of the plugin: processes by their environment, and entries of the socket directory. */
  leftovers(): Promise<string[]>;
}

const SECRET = Buffer.from('a data key');

/** Starts one, which is not yet ready. Disposing closes the host and fails when anything is left. */
export async function startMemoryHost(programs: GoPrograms, options: MemoryOptions = {}): Promise<MemoryHost> {
  const { environment, flags = [], path = programs.memory, protocolVersions = [1], ...others } = options;
  const sockets = await mkdtemp(join(tmpdir(), 'sockets-'));
  const mark = `MARK_${randomUUID().replaceAll('-', '_')}`;
  const log: LogEntry[] = [];
  const host = await startPluginHost({
    directory: dirname(path),
    socketDirectory: sockets,
    logger: recordLog(log),
    plugins: {
      MEMORY: {
        file: basename(path),
        sha256: sha256(path),
        args: ['-descriptors', programs.descriptors, ...flags],
        configuration: memoryConfiguration({ keys: { [KEY]: 'tenant-1' } }),
        // What falls stays down, unless a test is about getting up again.
        restart: { maxRestarts: 0 },
        ...others,
        contract: { ...memoryContract, protocolVersions },
        environment: { ...environment, set: { ...environment?.set, [mark]: '1' } },
      },
    },
  });
  const plugin = host.plugin('MEMORY');
  const leftovers = async (): Promise<string[]> => [...(await processesWith(mark)), ...(await readdir(sockets))];
  return {
    plugin,
    log,
    act: (act) => plugin.client.owner.do(act),
    async call() {
      const { crypto } = plugin.client;
      const { ciphertext } = await crypto.encrypt({ parameters: PARAMETERS, plaintext: SECRET });
      const { plaintext } = await crypto.decrypt({ parameters: PARAMETERS, ciphertext });
      if (!plaintext.equals(SECRET)) throw new Error('another plaintext');
    },
    close: () => host.close(),
    leftovers,
    async [Symbol.asyncDispose]() {
      await host.close();
      const left = await leftovers();
      await rm(sockets, { recursive: true });
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}

/** The error with which it fails to become ready; nothing of it may be left when it is known. */
export async function failureOf(stage: MemoryHost): Promise<PluginHostError> {
  const error = await stage.plugin.ready().then(
    () => {
      throw new Error('the plugin became ready');
    },
    (reason: unknown) => reason as PluginHostError,
  );
  expect(await stage.leftovers()).toEqual([]);
  return error;
}
