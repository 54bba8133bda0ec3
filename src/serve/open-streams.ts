import type { EventEmitter } from 'node:events';

/** A server's end of a stream that lasts as long as the peer wants. */
interface OpenStream extends EventEmitter {
  end(): unknown;
}

/** The streams that only the stop of the plugin ends from this side. */
export class OpenStreams {
  readonly #streams = new Map<OpenStream, () => void>();
  #ended = false;

  /** Keeps the stream open until `endAll`, which calls `lastWord` first, or until the peer ends it. */
  hold(stream: OpenStream, lastWord: () => void = () => undefined): void {
    if (this.#ended) {
      stream.end();
      return;
    }
    this.#streams.set(stream, lastWord);
    const release = (): void => void this.#streams.delete(stream);
    stream.once('finish', release);
    stream.once('close', release);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Ends all, and from now on each further one at once. */
  endAll(): void {
    this.#ended = true;
    for (const [stream, lastWord] of this.#streams) {
      lastWord();
      stream.end();
    }
  }
}
