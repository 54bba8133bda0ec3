import { KeystoreError } from '../keystore/errors.ts';

/** What a configuration opens and the next one ends: a keystore, or a provider of keystores. */
export interface Ending {
  quiesce(): void;
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * The keystore of the configuration in force. A later configuration takes its place at once; the old keystore ends after
 * its running calls.
 */
export class ActiveKeystore<T extends Ending> {
  #current: T | undefined;
  readonly #retired = new Set<Promise<void>>();

  /** @throws KeystoreError `not-configured` before the first configuration. */
  get(): T {
    if (this.#current === undefined) throw new KeystoreError('not-configured', 'the plugin is not configured');
    return this.#current;
  }

  replace(keystore: T): void {
    const previous = this.#current;
    this.#current = keystore;
    if (previous !== undefined) this.#retire(previous);
  }

  quiesce(): void {
    this.#current?.quiesce();
  }

  async close(signal?: AbortSignal): Promise<void> {
    await Promise.all([this.#current?.close(signal), ...this.#retired]);
  }

  #retire(keystore: T): void {
    const closing = keystore.close().finally(() => this.#retired.delete(closing));
    this.#retired.add(closing);
  }
}
