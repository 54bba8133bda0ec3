import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** A text that no log, message or dump shows. Only `reveal` gives it away, at the place that sends it. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
