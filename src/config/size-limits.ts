const MIB = 1024 * 1024;

/** Defaults of the sizes that depend on each other, in bytes. */
export const DEFAULT_SIZES = { maxPlaintextBytes: MIB, maxAnswerBytes: 4 * MIB } as const;

/** The smallest answer limit that still lets the answer for a plaintext of this size through: base64 in an envelope. */
export function neededAnswerBytes(maxPlaintextBytes: number): number {
  return Math.ceil(maxPlaintextBytes / 3) * 4 + 16_384;
}
