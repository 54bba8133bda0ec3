/**
 * Lets concurrent equal reads share a request, without ever answering a call from a read that was sent before the call
 * came: while one is on its way, later callers gather behind the next one. So a change shows in the very next call.
 */
export class SharedRead<T> {
  readonly #lanes = new Map<string, { current: Promise<T>; next: Promise<T> | undefined }>();

  /** `read` must settle on its own; it belongs to all who share it. */
  read(key: string, read: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return this.#start(key, read);
    lane.next ??= lane.current.then(
      () => this.#start(key, read),
      () => this.#start(key, read),
    );
    return lane.next;
  }

  #start(key: string, read: () => Promise<T>): Promise<T> {
    const current = read();
    const lane: { current: Promise<T>; next: Promise<T> | undefined } = { current, next: undefined };
    this.#lanes.set(key, lane);
    const settled = (): void => {
      if (lane.next === undefined && this.#lanes.get(key) === lane) this.#lanes.delete(key);
    };
    current.then(settled, settled);
    return current;
  }
}
