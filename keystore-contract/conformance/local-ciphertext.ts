import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { formatCiphertext } from '../ciphertext.ts';

/** How a ciphertext can be altered and still be one by its grammar. */
export type AlterVariant =
  /** One bit of the payload, of its nonce or of its tag is changed. */
  | 'flippedPayload'
  | 'flippedNonce'
  | 'flippedTag'
  /** It says that version 9 of the key made it. */
  | 'otherVersion'
  /** One byte is missing at the end. */
  | 'shortened';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEPARATOR = ':';

/** A ciphertext under version 1 of an AES-256 key, made without a keystore. */
export function encryptLocally(material: Buffer, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', material, nonce);
  const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.from(formatCiphertext(1, Buffer.concat([nonce, encrypted, cipher.getAuthTag()])));
}

/** The plaintext of a ciphertext under an AES-256 key, found without a keystore. Throws when there is none. */
export function decryptLocally(material: Buffer, ciphertext: Buffer): Buffer {
  const payload = payloadOf(ciphertext.toString('latin1'));
  const decipher = createDecipheriv('aes-256-gcm', material, payload.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(payload.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(payload.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

/** Changes one thing of a ciphertext. */
export function alterCiphertext(ciphertext: Buffer, variant: AlterVariant): Buffer {
  const text = ciphertext.toString('latin1');
  const payload = payloadOf(text);
  const version = Number(text.slice(text.indexOf(SEPARATOR) + 2, text.lastIndexOf(SEPARATOR)));
  const positions: Partial<Record<AlterVariant, number>> = {
    flippedNonce: 0,
    flippedPayload: NONCE_BYTES,
    flippedTag: payload.length - 1,
  };
  const position = positions[variant];
  if (position !== undefined) payload.writeUInt8(payload.readUInt8(position) ^ 1, position);
  const kept = variant === 'shortened' ? payload.subarray(0, -1) : payload;
  return Buffer.from(formatCiphertext(variant === 'otherVersion' ? 9 : version, kept));
}

function payloadOf(text: string): Buffer {
  return Buffer.from(text.slice(text.lastIndexOf(SEPARATOR) + 1), 'base64');
}
