const LF = 0x0a;

/**
 * Cuts a byte stream into lines. Holds at most `maxLineBytes`: of a longer line the beginning is handed on and the rest
 * is passed over, so a stream without line feeds neither grows nor stalls.
 */
export function createLineSplitter(
  maxLineBytes: number,
  onLine: (line: string, truncated: boolean) => void,
): { write(chunk: Buffer): void; end(): void } {
  let parts: Buffer[] = [];
  let held = 0;
  let skipping = false;

  const emit = (truncated: boolean): void => {
    const line = Buffer.concat(parts).toString('utf8');
    parts = [];
    held = 0;
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line, truncated);
  };

  const hold = (bytes: Buffer): void => {
    if (skipping) return;
    const room = maxLineBytes - held;
    // A copy, or a few bytes would keep the whole chunk they came in.
    parts.push(Buffer.from(bytes.subarray(0, room)));
    held += Math.min(bytes.length, room);
    if (bytes.length > room) {
      emit(true);
      skipping = true;
    }
  };

  return {
    write(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
        hold(chunk.subarray(start, end));
        if (!skipping) emit(false);
        skipping = false;
        start = end + 1;
      }
      if (start < chunk.length) hold(chunk.subarray(start));
    },
    end() {
      if (held > 0) emit(false);
    },
  };
}
