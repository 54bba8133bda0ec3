let running: { text: string; timer: NodeJS.Timeout } | undefined;

/**
 * Tells on standard error what is going on; standard output is for results. On a terminal a text that ends in `…` counts
 * its seconds until the next report.
 */
export function report(text: string): void {
  endReport();
  if (!process.stderr.isTTY || !text.endsWith('…')) {
    process.stderr.write(`${text}\n`);
    return;
  }
  const started = Date.now();
  const timer = setInterval(() => {
    process.stderr.write(`\r${text} ${Math.round((Date.now() - started) / 1000)} s`);
  }, 1000);
  running = { text, timer: timer.unref() };
  process.stderr.write(text);
}

/** Ends the line that counts; needed only before others write to the terminal. */
export function endReport(): void {
  if (running === undefined) return;
  clearInterval(running.timer);
  running = undefined;
  process.stderr.write('\n');
}

/** Reports what went wrong and makes the exit code 1. */
export function reportFailure(error: unknown): void {
  report(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
