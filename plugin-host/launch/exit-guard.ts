// What a host that ends without closing its plugins still does, as far as Node lets it: nothing runs after SIGKILL or
// after a signal that nobody handles.
const cleanups = new Set<() => void>();

function runAll(): void {
  for (const cleanup of [...cleanups].reverse()) cleanup();
}

/** Runs the synchronous clean-up when this process exits, the newest first, unless the returned function takes it back. */
export function atHostExit(cleanup: () => void): () => void {
  if (cleanups.size === 0) process.on('exit', runAll);
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
    if (cleanups.size === 0) process.off('exit', runAll);
  };
}
