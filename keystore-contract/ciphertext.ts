import { parseKeyVersionId } from './key-id.ts';

const PREFIX = 'vault:v';

// Nonce and tag of AES-GCM: the shortest ciphertext that Transit makes is an empty plaintext under a symmetric key.
const MIN_PAYLOAD_BYTES = 28;

/** A Transit ciphertext, taken apart. */
export interface Ciphertext {
  /** The version of the key that made it. */
  readonly keyVersion: number;
  /** The text `vault:vN:base64` itself. */
  readonly text: string;
}

/**
 * Reads a ciphertext in the one form this contract accepts: `vault:v`, a version without sign or leading zero, `:`, and
 * canonical standard base64. Transit itself accepts several spellings of one ciphertext; they are refused here, so
 * that nothing doubtful is ever sent.
 *
 * @returns undefined when the bytes are anything else.
 */
export function parseCiphertext(bytes: Uint8Array): Ciphertext | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  if (!text.startsWith(PREFIX)) return undefined;
  const separator = text.indexOf(':', PREFIX.length);
  if (separator < 0) return undefined;
  const keyVersion = parseKeyVersionId(text.slice(PREFIX.length, separator));
  if (keyVersion === undefined || !isCanonicalBase64(text.slice(separator + 1))) return undefined;
  return { keyVersion, text };
}

/** The inverse of {@link parseCiphertext} for a payload of at least one nonce and tag. */
export function formatCiphertext(keyVersion: number, payload: Uint8Array): string {
  return `${PREFIX}${keyVersion}:${Buffer.from(payload).toString('base64')}`;
}

function isCanonicalBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  const payload = Buffer.from(text, 'base64');
  return payload.length >= MIN_PAYLOAD_BYTES && payload.toString('base64') === text;
}
