import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

import { type PluginHandle, type PluginOptions, startPluginHost } from '../../../plugin-host/index.ts';
import { type LogEntry, processesWith, recordLog } from '../../process/plugin-host/host-fixture.ts';
import { sha256 } from '../../support/built-plugin.ts';
import type { GoPrograms } from '../../support/go.ts';

/** `google.protobuf.StringValue` */
const serialize = (text: string): Buffer => Buffer.from(new BinaryWriter().uint32(10).string(text).finish());

function deserialize(bytes: Buffer): string {
  const reader = new BinaryReader(bytes);
  return reader.len > 0 && reader.uint32() === 10 ? reader.string() : '';
}

const method = <const Path extends string>(path: Path) => ({
  path,
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});

/** What either end serves on brokered ids. */
export const EchoService = { say: method('/test.broker.v1.Echo/Say') } as const;

/** Of the plugin; plugin-sdk's has no `offer`, and `ask` says the text to the echo of its host. */
const PluginService = {
  /** Serves an echo with a prefix; answers its id. */
  offer: method('/test.broker.v1.Plugin/Offer'),
  /** Says the id to the echo that the host serves there; answers its answer. */
  ask: method('/test.broker.v1.Plugin/Ask'),
} as const;

export const brokerContract = {
  type: 'BrokerTest',
  services: { plugin: { definition: PluginService, required: false } },
} as const;

export interface GoBrokerStage extends AsyncDisposable {
  readonly plugin: PluginHandle<typeof brokerContract>;
  readonly log: LogEntry[];
  /** The sockets that are there. */
  sockets(): Promise<string[]>;
  close(): Promise<void>;
}

/** A host with the Go plugin that brokers. Disposing closes it and fails when a process or a socket is left. */
export async function startGoBrokerStage(
  { broker }: GoPrograms,
  options: Partial<PluginOptions> = {},
): Promise<GoBrokerStage> {
  await using resources = new AsyncDisposableStack();
  const [directory, sockets] = await Promise.all(
    ['plugins-', 'sockets-'].map(async (name) => {
      const path = await mkdtemp(join(tmpdir(), name));
      resources.defer(() => rm(path, { recursive: true, force: true }));
      return path;
    }),
  );
  if (directory === undefined || sockets === undefined) throw new Error('no directories');
  await copyFile(broker, join(directory, 'broker'));
  await chmod(join(directory, 'broker'), 0o755);
  const mark = `MARK_${randomUUID().replaceAll('-', '_')}`;
  const log: LogEntry[] = [];
  const host = await startPluginHost({
    directory,
    socketDirectory: sockets,
    logger: recordLog(log),
    plugins: {
      BROKER: {
        file: 'broker',
        sha256: sha256(broker),
        restart: { minBackoffMs: 10 },
        ...options,
        environment: { set: { [mark]: '1' } },
        contract: brokerContract,
      },
    },
  });
  resources.defer(() => host.close());
  const plugin = host.plugin('BROKER');
  await plugin.ready();
  const held = resources.move();
  return {
    plugin,
    log,
    async sockets() {
      const found = await readdir(sockets, { recursive: true, withFileTypes: true });
      return found.filter((entry) => entry.isSocket()).map(({ parentPath, name }) => join(parentPath, name));
    },
    close: () => host.close(),
    async [Symbol.asyncDispose]() {
      await host.close();
      const left = [...(await processesWith(mark)), ...(await readdir(sockets))];
      await held.disposeAsync();
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
}
