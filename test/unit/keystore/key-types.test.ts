import { keyTypeRow } from '../../../src/keystore/key-types.ts';

describe('key types', () => {
  it.each([
    ['aes256-gcm96', 'AES256', true, undefined, true],
    ['rsa-3072', 'RSA3072', false, 318, false],
    ['rsa-4096', 'RSA4096', false, 446, false],
  ])('R-CRYPTO-20 %s is %s', (type, algorithm, supportsAssociatedData, maxPlaintextBytes, managed) => {
    expect(keyTypeRow(type)).toEqual({ type, algorithm, supportsAssociatedData, maxPlaintextBytes, managed });
  });

  it.each([
    'aes128-gcm96',
    'chacha20-poly1305',
    'rsa-2048',
    'ed25519',
    'ecdsa-p256',
    'hmac',
    '',
    'toString',
    '__proto__',
  ])('R-KEY-06 %j cannot serve as L1 key', (type) => {
    expect(keyTypeRow(type)).toBeUndefined();
  });
});
