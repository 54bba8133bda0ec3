import { writeSync } from 'node:fs';

/** How long a full pipe is waited for, in milliseconds. The event loop stands still meanwhile. */
const DEFAULT_PATIENCE_MS = 200;
const PAUSE_MS = 5;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all of a text to a file descriptor before it returns. A full non-blocking pipe (EAGAIN) is waited for.
 * Throws the system error when the reader is gone or stays away; some of the text may have been written by then.
 */
export function writeFully(fd: number, text: string, patienceMs: number = DEFAULT_PATIENCE_MS): void {
  let rest: Uint8Array = Buffer.from(text, 'utf8');
  let waitedMs = 0;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (!isFull(error) || waitedMs >= patienceMs) throw error;
      Atomics.wait(sleeper, 0, 0, PAUSE_MS);
      waitedMs += PAUSE_MS;
    }
  }
}

/**
 * A writer of whole lines that never throws: a line that finds no room is lost, and after any other failure (the reader
 * is gone) all further ones are.
 */
export function createLineWriter(fd: number): (line: string) => void {
  let gone = false;
  let torn = false;
  return (line) => {
    if (gone) return;
    try {
      writeFully(fd, torn ? `\n${line}` : line);
      torn = false;
    } catch (error) {
      if (isFull(error)) torn = true;
      else gone = true;
    }
  };
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}
