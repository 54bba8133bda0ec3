const INTERVAL_MS = 500;

/**
 * Watches for the end of the host, which nothing announces: the parent's id changes when the system hands the plugin to
 * another parent. Calls `onLost` once.
 */
export function watchParent(options: {
  readonly parentId: () => number;
  readonly onLost: () => void;
  readonly intervalMs?: number;
}): { close(): void } {
  const { parentId, onLost, intervalMs = INTERVAL_MS } = options;
  const original = parentId();
  const timer = setInterval(() => {
    if (parentId() === original) return;
    clearInterval(timer);
    onLost();
  }, intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
