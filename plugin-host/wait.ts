/**
 * Whether the promise settled within the time. What has happened by then counts, even if this process was too busy to
 * notice: it gets one more turn. Leaves no timer behind.
 */
export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => setImmediate(() => late.resolve(false)), timeoutMs);
  const inTime = (): boolean => true;
  try {
    return await Promise.race([promise.then(inTime, inTime), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The promise's outcome, or the signal's reason if it aborts first. Leaves no listener behind. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    // Nobody looks at it any more.
    promise.catch(() => undefined);
    throw signal.reason as Error;
  }
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    aborted.reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Something that tells of its changes. */
export interface Changing {
  /** Calls back after every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** Resolves with the next change of any of them, or rejects with the signal's reason. Leaves no listener behind. */
export async function nextChange(sources: readonly Changing[], signal: AbortSignal | undefined): Promise<void> {
  const changed = Promise.withResolvers<undefined>();
  const stops = sources.map((source) => source.onChange(() => changed.resolve(undefined)));
  try {
    await unlessAborted(changed.promise, signal);
  } finally {
    for (const stop of stops) stop();
  }
}

/** Runs works one after the other, each when the one before has settled. */
export function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const run = last.then(work);
    last = run.catch(() => undefined);
    return run;
  };
}

/**
 * Runs a work with a signal that aborts after the time, with the reason made then, or when the given signal does. Rejects
 * with that reason even if the work takes no notice. Leaves no timer behind.
 */
export async function withinTime<T>(
  timeoutMs: number,
  reason: () => Error,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(reason()), timeoutMs);
  const either = signal ? AbortSignal.any([late.signal, signal]) : late.signal;
  try {
    either.throwIfAborted();
    return await unlessAborted(work(either), either);
  } finally {
    clearTimeout(timer);
  }
}
