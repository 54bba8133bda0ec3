import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { PluginHostError, systemErrorCode } from '../errors.ts';
import { atHostExit } from './exit-guard.ts';
import { guardDirectory } from './reaper.ts';

/** sun_path less its final zero byte: 107 on Linux, 103 on macOS. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
const RANDOM_NAME_BYTES = 6;
/** Go's plugins add `/plugin` and up to ten digits. */
const SOCKET_NAME_BYTES = 17;

/** A directory for the socket of one plugin process, mode 0700. Gone with all that is in it when disposed. */
export interface SocketDirectory extends AsyncDisposable {
  readonly path: string;
}

export async function makeSocketDirectory(parent: string): Promise<SocketDirectory> {
  const prefix = join(parent, 'plugin-host-');
  if (Buffer.byteLength(prefix) + RANDOM_NAME_BYTES + SOCKET_NAME_BYTES > MAX_SOCKET_PATH_BYTES) {
    throw new PluginHostError('ERR_SOCKET_DIRECTORY', `${parent} is too long a path for sockets below it`, {
      path: parent,
    });
  }
  const { path, unguard } = await makeGuarded(prefix).catch((error: unknown) => {
    throw new PluginHostError('ERR_SOCKET_DIRECTORY', `no directory in ${parent}: ${systemErrorCode(error)}`, {
      path: parent,
    });
  });
  const disarm = atHostExit(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    path,
    async [Symbol.asyncDispose]() {
      // What cannot be removed must not keep the rest from ending.
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
      disarm();
      await unguard();
    },
  };
}

/** Guarded before it is there: a host that dies in between leaves nothing either. */
async function makeGuarded(prefix: string): Promise<{ path: string; unguard: () => Promise<void> }> {
  for (;;) {
    const path = prefix + randomBytes(RANDOM_NAME_BYTES).toString('base64url').slice(0, RANDOM_NAME_BYTES);
    const unguard = guardDirectory(path);
    try {
      await mkdir(path, { mode: 0o700 });
      return { path, unguard };
    } catch (error) {
      await unguard();
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  }
}
