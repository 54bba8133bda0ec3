// A host that makes the kernel kill its plugins along with it (plugin-sdk on Linux) leaves their sockets behind.
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { SOCKET_DIRECTORY_PREFIX } from './socket.ts';

const MAX_SOCKETS = 100;
/** A socket refuses connections for an instant between bind and listen, so only a second refusal counts. */
const defaultPause = (signal: AbortSignal): Promise<void> => delay(1_000, undefined, { ref: false, signal });
const CONNECT_TIMEOUT_MS = 1_000;

/**
 * Removes the sockets that earlier plugins of this user left in a temporary directory, each with its own directory, and
 * answers how many. Never touches a socket behind which something answers. Stops early, without error, on abort.
 */
export async function removeStaleSockets(options: {
  readonly temporaryDirectory: string;
  readonly signal: AbortSignal;
  /** Time between the two looks, one second by default. Rejects on abort. */
  readonly pause?: (signal: AbortSignal) => Promise<unknown>;
}): Promise<number> {
  const { temporaryDirectory, signal, pause = defaultPause } = options;
  const suspects = await refusing(await ownSockets(temporaryDirectory), signal);
  if (suspects.length === 0) return 0;
  try {
    await pause(signal);
  } catch {
    return 0;
  }
  const stale = await refusing(suspects, signal);
  const removals = await Promise.allSettled(
    stale.map(async ({ directory, path }) => {
      await unlink(path);
      await rmdir(directory);
    }),
  );
  return removals.filter(({ status }) => status === 'fulfilled').length;
}

interface FoundSocket {
  readonly directory: string;
  readonly path: string;
}

async function ownSockets(temporaryDirectory: string): Promise<FoundSocket[]> {
  const names = await readdir(temporaryDirectory);
  const found: FoundSocket[] = [];
  for (const name of names.filter((candidate) => candidate.startsWith(SOCKET_DIRECTORY_PREFIX))) {
    // What others have put there counts for nothing: any number of it must not hide our own.
    const socket = await ownSocket(join(temporaryDirectory, name));
    if (socket !== undefined) found.push(socket);
    if (found.length === MAX_SOCKETS) break;
  }
  return found;
}

/** Only in a directory (no link) of this user: nobody else can have put anything into it. */
async function ownSocket(directory: string): Promise<FoundSocket | undefined> {
  try {
    const stats = await lstat(directory);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return undefined;
    const entries = await readdir(directory, { withFileTypes: true });
    const socket = entries.find((entry) => entry.isSocket() && /^plugin\d+$/.test(entry.name));
    return socket && { directory, path: join(directory, socket.name) };
  } catch {
    return undefined; // Removed meanwhile by its plugin.
  }
}

async function refusing(sockets: readonly FoundSocket[], signal: AbortSignal): Promise<FoundSocket[]> {
  const refused: FoundSocket[] = [];
  for (const socket of sockets) {
    if (signal.aborted) return [];
    if (await refuses(socket.path)) refused.push(socket);
  }
  return refused;
}

function refuses(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.unref();
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish(false));
    socket.once('connect', () => finish(false));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code === 'ECONNREFUSED'));
  });
}
