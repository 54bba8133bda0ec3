import type { EventEmitter } from 'node:events';

/** A server's end of a stream that lasts as long as the peer wants. */
interface OpenStream extends EventEmitter {
  end(): unknown;
}

/** The streams that only the stop of the plugin ends from this side. */
export class OpenStreams {
  readonly #streams = new Set<OpenStream>();
  #ended = false;

  /** Keeps the stream open. `released` is called once it has ended, whoever ended it. */
  hold(stream: OpenStream, released: () => void = () => undefined): void {
    if (this.#ended) {
      stream.end();
      return;
    }
    this.#streams.add(stream);
    const release = (): void => {
      if (this.#streams.delete(stream)) released();
    };
    stream.once('finish', release);
    stream.once('close', release);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Ends all, and from now on each further one at once. */
  endAll(): void {
    this.#ended = true;
    for (const stream of this.#streams) stream.end();
  }
}
