import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';

/** How a wrapping can be wrong. */
export type WrapVariant =
  /** One bit of the first half, or of the second, is changed. */
  | 'flippedInKey'
  | 'flippedInMaterial'
  | 'truncated'
  /** Material of 16 bytes, or of 48. */
  | 'shortMaterial'
  | 'longMaterial'
  /** Under another hash function, another algorithm or another key than the parameters name. */
  | 'otherHash'
  | 'otherAlgorithm'
  | 'otherKey'
  /** Random bytes of the right length. */
  | 'noise'
  /** The right wrapping in a text that is no standard base64. */
  | 'urlBase64'
  | 'notBase64'
  /** The right wrapping followed by more text than CMK lets through. */
  | 'tooLong'
  | 'empty';

/** What GetImportParameters answers, as far as a wrapping needs it. */
export interface WrappingParameters {
  readonly publicKey: string;
  readonly wrappingAlgorithm: string;
  readonly hashFunction: string;
}

/** A key that is ready for ImportKeyMaterial. */
export interface WrappedKey {
  readonly encryptedKeyMaterial: string;
  readonly material: Buffer;
}

const AES_256_BYTES = 32;
const LENGTHS: Partial<Record<WrapVariant, number>> = { shortMaterial: 16, longMaterial: 48 };
const MAX_TEXT_LENGTH = 65_536;
// RFC 5649, key wrap with padding.
const KEY_WRAP_IV = Buffer.from('a65959a6', 'hex');

/** Wraps a 256-bit key as the parameters say, or wrongly in one respect. */
export function wrapKeyMaterial(
  parameters: WrappingParameters,
  { variant }: { readonly variant?: WrapVariant } = {},
): WrappedKey {
  const material = randomBytes((variant && LENGTHS[variant]) ?? AES_256_BYTES);
  const hash = hashName(parameters.hashFunction, variant === 'otherHash');
  const key = variant === 'otherKey' ? strangeKey(parameters) : createPublicKey(parameters.publicKey);
  const direct = (parameters.wrappingAlgorithm === 'CKM_RSA_PKCS_OAEP') !== (variant === 'otherAlgorithm');
  const blob = direct ? wrapDirectly(key, hash, material) : wrapUnderEphemeralKey(key, hash, material);
  return { material, encryptedKeyMaterial: toText(spoil(blob, variant), variant) };
}

function wrapDirectly(key: KeyObject, oaepHash: string, bytes: Buffer): Buffer {
  return publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, bytes);
}

/** PKCS #11, CKM_RSA_AES_KEY_WRAP: a one-time AES key under RSA, then the material under the AES key. */
export function wrapUnderEphemeralKey(key: KeyObject, hash: string, material: Buffer): Buffer {
  const ephemeral = randomBytes(AES_256_BYTES);
  const cipher = createCipheriv('id-aes256-wrap-pad', ephemeral, KEY_WRAP_IV);
  const wrapped = Buffer.concat([wrapDirectly(key, hash, ephemeral), cipher.update(material), cipher.final()]);
  ephemeral.fill(0);
  return wrapped;
}

function hashName(hashFunction: string, other: boolean): string {
  return (hashFunction === 'SHA1') === other ? 'sha256' : 'sha1';
}

/** Another key of the same size. */
function strangeKey({ publicKey }: WrappingParameters): KeyObject {
  const modulusLength = createPublicKey(publicKey).asymmetricKeyDetails?.modulusLength ?? 4096;
  return generateKeyPairSync('rsa', { modulusLength }).publicKey;
}

function spoil(blob: Buffer, variant: WrapVariant | undefined): Buffer {
  const flipAt = (index: number): Buffer => {
    const copy = Buffer.from(blob);
    copy.writeUInt8(copy.readUInt8(index) ^ 1, index);
    return copy;
  };
  if (variant === 'flippedInKey') return flipAt(10);
  if (variant === 'flippedInMaterial') return flipAt(blob.length - 1);
  if (variant === 'truncated') return blob.subarray(0, -8);
  if (variant === 'noise') return randomBytes(blob.length);
  return blob;
}

function toText(blob: Buffer, variant: WrapVariant | undefined): string {
  const text = blob.toString('base64');
  if (variant === 'urlBase64') return `${blob.toString('base64url')}-_`;
  if (variant === 'notBase64') return `${text.slice(0, -4)}****`;
  if (variant === 'tooLong') return text.padEnd(MAX_TEXT_LENGTH + 4, 'A');
  return variant === 'empty' ? '' : text;
}
