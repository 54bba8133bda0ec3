import { isKeyId } from '../key-id.ts';

// Shorter texts are names, and may be said.
const SECRET_LENGTH = 16;
const REDACTED = '[redacted]';

/** The texts that an error must not repeat and that a result must not show, in any of their spellings. */
export type Secrets = ReadonlySet<string>;

/** Every longer text and every bytes in a value, except key ids. Of a PEM text each line is one. */
export function secretsOf(...values: readonly unknown[]): Secrets {
  return new Set(values.flatMap(textsIn).filter((text) => text.length >= SECRET_LENGTH));
}

/** The secrets of both. */
export function withSecrets(first: Secrets, second: Secrets): Secrets {
  return new Set([...first, ...second]);
}

/** Whether a text repeats a secret. */
export function repeatsSecret(text: string, secrets: Secrets): boolean {
  return [...secrets].some((secret) => text.includes(secret));
}

/** A text that may be shown: secrets taken out, and not long. */
export function redact(text: string, secrets: Secrets): string {
  const redacted = [...secrets].reduce((left, secret) => left.replaceAll(secret, REDACTED), text);
  return redacted.length > 120 ? `${redacted.slice(0, 120)}…` : redacted;
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string')
    return isKeyId(value) ? [] : value.split('\n').filter((line) => !line.startsWith('-----'));
  if (Buffer.isBuffer(value)) return [value.toString('latin1'), value.toString('base64'), value.toString('hex')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
