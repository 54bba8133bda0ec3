import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens a regular file to read it. What is none (a FIFO, a device) fails with the code `EINVAL` instead of waiting for a
 * writer. Whoever gets the handle closes it.
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw Object.assign(new Error('no regular file'), { code: stats.isDirectory() ? 'EISDIR' : 'EINVAL' });
}

/** The text of a regular file. Fails with the code `EFBIG` when it is larger than `maxBytes`. */
export async function readRegularFile(path: string, maxBytes: number): Promise<string> {
  await using handle = await openRegularFile(path);
  const buffer = Buffer.allocUnsafe(Math.min((await handle.stat()).size, maxBytes) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
    // The file has grown since, or it is too large.
    if (length === buffer.length) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
  }
}
