import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

import { openRegularFile } from './regular-file.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Hex SHA-256 of an open file, from its beginning. Rejects with the system's error or the signal's reason. */
export async function sha256Of(handle: FileHandle, signal?: AbortSignal): Promise<string> {
  const sha256 = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return sha256.digest('hex');
    sha256.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** The same of a regular file. */
export async function sha256OfFile(path: string): Promise<string> {
  await using handle = await openRegularFile(path);
  return await sha256Of(handle);
}
