import type { Token } from './token.ts';

/** Revokes tokens that were replaced while they still lived, each after the last request that carries it. */
export class RetiredTokens {
  readonly #revoke: (token: Token) => Promise<unknown>;
  readonly #requests = new Map<string, number>();
  readonly #retired = new Map<string, Token>();
  readonly #revocations = new Set<Promise<unknown>>();

  /** `revoke` is best effort: its failure is nobody's. */
  constructor(revoke: (token: Token) => Promise<unknown>) {
    this.#revoke = revoke;
  }

  /** Runs a request that carries the token. */
  async carrying<T>({ value }: Token, request: () => Promise<T>): Promise<T> {
    this.#requests.set(value, (this.#requests.get(value) ?? 0) + 1);
    try {
      return await request();
    } finally {
      const left = (this.#requests.get(value) ?? 1) - 1;
      if (left > 0) this.#requests.set(value, left);
      else this.#lastOf(value);
    }
  }

  retire(token: Token): void {
    this.#retired.set(token.value, token);
    if (!this.#requests.has(token.value)) this.#lastOf(token.value);
  }

  /** Resolves when the revocations that have begun have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#revocations);
  }

  #lastOf(value: string): void {
    this.#requests.delete(value);
    const token = this.#retired.get(value);
    if (token === undefined) return;
    this.#retired.delete(value);
    const revocation = this.#revoke(token)
      .catch(() => undefined)
      .finally(() => this.#revocations.delete(revocation));
    this.#revocations.add(revocation);
  }
}
