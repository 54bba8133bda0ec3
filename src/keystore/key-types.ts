/** Algorithm of an L1 key, in the contract's words. */
export type KeyAlgorithmName = 'AES256' | 'RSA3072' | 'RSA4096';

/** The states that a key has in CMK's words. */
export type KeyState = 'ENABLED' | 'DISABLED' | 'PENDING_IMPORT';

/** What is known of a Transit key type that can serve as L1 key. */
export interface KeyTypeRow {
  /** Transit's name of the type. */
  readonly type: string;
  readonly algorithm: KeyAlgorithmName;
  /** Whether a ciphertext can be bound to associated data. */
  readonly supportsAssociatedData: boolean;
  /** Largest plaintext the algorithm takes, in bytes; undefined where only the configured limit counts. */
  readonly maxPlaintextBytes: number | undefined;
  /** Whether CMK can register such a key: it accepts AES256 only. */
  readonly managed: boolean;
}

// OAEP with SHA-256 takes the modulus less 66 bytes.
const KEY_TYPES: readonly KeyTypeRow[] = [
  {
    type: 'aes256-gcm96',
    algorithm: 'AES256',
    supportsAssociatedData: true,
    maxPlaintextBytes: undefined,
    managed: true,
  },
  { type: 'rsa-3072', algorithm: 'RSA3072', supportsAssociatedData: false, maxPlaintextBytes: 318, managed: false },
  { type: 'rsa-4096', algorithm: 'RSA4096', supportsAssociatedData: false, maxPlaintextBytes: 446, managed: false },
];

/** The row of a Transit key type, or undefined when it cannot serve as L1 key. */
export function keyTypeRow(type: string): KeyTypeRow | undefined {
  return KEY_TYPES.find((row) => row.type === type);
}

/** Transit's name of the type that serves as an algorithm. */
export function transitTypeOf(algorithm: KeyAlgorithmName): string {
  const row = KEY_TYPES.find((candidate) => candidate.algorithm === algorithm);
  if (row === undefined) throw new Error('no key type has this algorithm');
  return row.type;
}
