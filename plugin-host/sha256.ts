import { createHash } from 'node:crypto';

import { openRegularFile } from './regular-file.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Hex SHA-256 of a regular file. Rejects with the system's error. */
export async function sha256OfFile(path: string): Promise<string> {
  await using handle = await openRegularFile(path);
  const sha256 = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return sha256.digest('hex');
    sha256.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
