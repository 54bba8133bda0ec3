import { constants, createDecipheriv, generateKeyPairSync, type KeyObject, privateDecrypt } from 'node:crypto';

import { parseCiphertext } from '../../../../keystore-contract/ciphertext.ts';
import { wrapKeyMaterial, type WrapVariant } from '../../../../keystore-contract/conformance/key-material.ts';
import {
  alterCiphertext,
  decryptLocally,
  encryptLocally,
} from '../../../../keystore-contract/conformance/local-ciphertext.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const BLOCK = 256;
const MATERIAL = Buffer.alloc(32, 1);
const parameters = (wrappingAlgorithm = 'CKM_RSA_AES_KEY_WRAP', hashFunction = 'SHA256') => ({
  publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  wrappingAlgorithm,
  hashFunction,
});

function open(key: KeyObject, oaepHash: string, blob: Buffer): Buffer {
  return privateDecrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, blob);
}

function unwrap(text: string, oaepHash: string): Buffer {
  const blob = Buffer.from(text, 'base64');
  const ephemeral = open(privateKey, oaepHash, blob.subarray(0, BLOCK));
  const decipher = createDecipheriv('id-aes256-wrap-pad', ephemeral, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([decipher.update(blob.subarray(BLOCK)), decipher.final()]);
}

describe('a wrapping', () => {
  it.each([
    ['SHA1', 'sha1'],
    ['SHA256', 'sha256'],
  ])('with %s is CKM_RSA_AES_KEY_WRAP', (hashFunction, name) => {
    const { encryptedKeyMaterial, material } = wrapKeyMaterial(parameters('CKM_RSA_AES_KEY_WRAP', hashFunction));
    expect(material).toHaveLength(32);
    expect(Buffer.from(encryptedKeyMaterial, 'base64')).toHaveLength(BLOCK + 40);
    expect(unwrap(encryptedKeyMaterial, name)).toEqual(material);
  });

  it('can be RSA-OAEP alone, where the parameters say so', () => {
    const { encryptedKeyMaterial, material } = wrapKeyMaterial(parameters('CKM_RSA_PKCS_OAEP'));
    expect(open(privateKey, 'sha256', Buffer.from(encryptedKeyMaterial, 'base64'))).toEqual(material);
  });

  it.each<WrapVariant>(['flippedInKey', 'flippedInMaterial', 'truncated', 'otherHash', 'otherKey', 'noise'])(
    'that is wrong by %s does not unwrap',
    (variant) => {
      const { encryptedKeyMaterial } = wrapKeyMaterial(parameters(), { variant });
      expect(() => unwrap(encryptedKeyMaterial, 'sha256')).toThrow();
    },
  );

  it.each<[WrapVariant, number]>([
    ['shortMaterial', 16],
    ['longMaterial', 48],
  ])('that is wrong by %s unwraps to %i bytes', (variant, length) => {
    expect(unwrap(wrapKeyMaterial(parameters(), { variant }).encryptedKeyMaterial, 'sha256')).toHaveLength(length);
  });

  it('that is wrong by its algorithm is RSA-OAEP alone where two layers are asked for', () => {
    const { encryptedKeyMaterial, material } = wrapKeyMaterial(parameters(), { variant: 'otherAlgorithm' });
    expect(open(privateKey, 'sha256', Buffer.from(encryptedKeyMaterial, 'base64'))).toEqual(material);
  });

  it.each<[WrapVariant, RegExp]>([
    ['notBase64', /\*$/],
    ['urlBase64', /-_$/],
    ['empty', /^$/],
    ['tooLong', /^.{65540}$/],
  ])('that is wrong by %s is such a text', (variant, pattern) => {
    expect(wrapKeyMaterial(parameters(), { variant }).encryptedKeyMaterial).toMatch(pattern);
  });
});

describe('a ciphertext of our own', () => {
  const ciphertext = encryptLocally(MATERIAL, Buffer.from('plaintext'));

  it('is one by the grammar, of version 1, and decrypts', () => {
    expect(parseCiphertext(ciphertext)).toMatchObject({ keyVersion: 1 });
    expect(decryptLocally(MATERIAL, ciphertext).toString()).toBe('plaintext');
    expect(() => decryptLocally(Buffer.alloc(32, 2), ciphertext)).toThrow();
  });

  it.each(['flippedPayload', 'flippedNonce', 'flippedTag', 'shortened'] as const)(
    'is still one of that version when it is altered by %s, and another one',
    (variant) => {
      const altered = alterCiphertext(ciphertext, variant);
      expect(parseCiphertext(altered)).toMatchObject({ keyVersion: 1 });
      expect(altered.equals(ciphertext)).toBe(false);
    },
  );

  it('can say another version and hold the same', () => {
    const altered = alterCiphertext(ciphertext, 'otherVersion').toString();
    expect(altered).toBe(ciphertext.toString().replace('vault:v1:', 'vault:v9:'));
  });
});
