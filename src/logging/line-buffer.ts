/** Characters that wait at most: lines of one turn of the event loop under load, far below a pipe's size. */
const MAX_PENDING = 32_768;

/** Collects lines so that many of them cost one write. */
export interface LineBuffer {
  /** Takes a whole line; it is written at the end of this turn of the event loop, or before. */
  write(line: string): void;
  /** Writes what waits, now. */
  flush(): void;
}

/** `write` gets one or more whole lines at a time and must not throw. */
export function createLineBuffer(write: (lines: string) => void): LineBuffer {
  let pending = '';
  let scheduled = false;
  const flush = (): void => {
    if (pending === '') return;
    const lines = pending;
    pending = '';
    write(lines);
  };
  return {
    write(line) {
      pending += line;
      if (pending.length >= MAX_PENDING) flush();
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        flush();
      });
    },
    flush,
  };
}
