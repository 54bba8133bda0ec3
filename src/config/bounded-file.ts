import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Reads a regular file, at most `maxBytes + 1` bytes of it, so that the caller can tell a file that is too large without
 * taking it in. Never waits: a pipe or device in the file's place is refused.
 */
export async function readBoundedFile(path: string, maxBytes: number): Promise<Buffer> {
  // O_NONBLOCK: opening a pipe that nobody writes to would hang for ever.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTFILE' });
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
