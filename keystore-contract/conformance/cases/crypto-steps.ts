import type { CallStep, Reference } from '../case.ts';
import { CRYPTO_REFUSALS } from '../pairs.ts';
import { ofKey } from './requests.ts';

export const PLAINTEXT = Buffer.from('conformance plaintext: a key of the next level');
export const A = Buffer.from('associated data of the first');
export const B = Buffer.from('associated data of the second');

/** Encrypts {@link PLAINTEXT}; `more` is laid over the request. */
export function encrypt(as: string, keyId = '$key', more: object = {}): CallStep {
  return { call: 'Encrypt', request: { ...ofKey(keyId), plaintext: PLAINTEXT, ...more }, answers: {}, as };
}

/** Decrypts to {@link PLAINTEXT}. */
export function decrypts(ciphertext: Reference, keyId = '$key', more: object = {}): CallStep {
  return { call: 'Decrypt', request: { ...ofKey(keyId), ciphertext, ...more }, answers: { plaintext: PLAINTEXT } };
}

/** Does not decrypt, for a reason that nobody can tell from the others. */
export function resists(ciphertext: Reference, keyId = '$key', more: object = {}): CallStep {
  return { call: 'Decrypt', request: { ...ofKey(keyId), ciphertext, ...more }, refused: CRYPTO_REFUSALS.integrity };
}
