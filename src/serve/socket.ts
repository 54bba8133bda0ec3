import { randomInt } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** First part of the name of a directory we made; later starts look for leftovers by it. */
export const SOCKET_DIRECTORY_PREFIX = 'keystoreop-openbao-';

/** `sun_path` less its terminating zero byte. */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;

export interface SocketOptions {
  /** `PLUGIN_UNIX_SOCKET_DIR`: the socket goes into this directory itself, which stays the host's. */
  readonly directory?: string;
  /** `PLUGIN_UNIX_SOCKET_GROUP`: name or decimal id of the group that may connect as well. */
  readonly group?: string;
  /** Where to make a directory of our own when `directory` is not given. */
  readonly temporaryDirectory: string;
}

export interface PluginSocket {
  readonly path: string;
  /** To be called once bound: lets the owner in, and the group if there is one. */
  readonly open: () => void;
  /** Removes the socket and the directory if it is ours. Harmless when repeated. */
  readonly remove: () => void;
}

/** Chooses the place of the plugin's socket. Throws, leaving nothing behind, when the path is too long to be bound. */
export function preparePluginSocket(options: SocketOptions): PluginSocket {
  const { directory, group, temporaryDirectory } = options;
  const groupId = group === undefined ? undefined : resolveGroup(group);
  const ownDirectory = directory === undefined ? makeDirectory(temporaryDirectory, groupId) : undefined;
  const path = join(ownDirectory ?? resolve(directory ?? ''), `plugin${randomInt(1e9, 1e10)}`);

  const remove = (): void => {
    attempt(() => unlinkSync(path));
    if (ownDirectory !== undefined) attempt(() => rmdirSync(ownDirectory));
  };
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    remove();
    throw new Error(`the socket path ${path} is longer than the ${MAX_PATH_BYTES} bytes a unix socket can have`);
  }
  return {
    path,
    open: () => {
      if (groupId !== undefined) chownSync(path, -1, groupId);
      chmodSync(path, groupId === undefined ? 0o600 : 0o660);
    },
    remove,
  };
}

function makeDirectory(parent: string, groupId: number | undefined): string {
  const directory = mkdtempSync(join(resolve(parent), SOCKET_DIRECTORY_PREFIX));
  if (groupId !== undefined) {
    try {
      chownSync(directory, -1, groupId);
      chmodSync(directory, 0o710);
    } catch (error) {
      rmdirSync(directory);
      throw error;
    }
  }
  return directory;
}

function resolveGroup(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .map((text) => text.split(':'))
    .find(([name]) => name === group);
  const id = line?.[2];
  if (id === undefined || !/^\d+$/.test(id)) throw new Error(`the group ${JSON.stringify(group)} does not exist`);
  return Number(id);
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // Gone already, or not ours to remove: there is nothing more to do about it on the way out.
  }
}
