import { findMethod, KEYSTORE_METHODS, readMessage } from '../../../../plugin-host/command/methods.ts';

const encrypt = findMethod('Encrypt')!;

describe('the methods of the command', () => {
  test('are all of the contract', () => {
    expect(KEYSTORE_METHODS.map(({ name }) => name)).toEqual([
      ...['GetKey', 'GetKeyVersions', 'CreateKey', 'DeleteKey', 'EnableKey', 'DisableKey', 'GetImportParameters'],
      ...['ImportKeyMaterial', 'ValidateKey', 'ValidateKeyAccessData', 'TransformCryptoAccessData', 'ExtractKeyRegion'],
      ...['Encrypt', 'Decrypt', 'Rewrap', 'GetKeyStatus', 'CheckHealth'],
      ...[
        'CreateKeystore',
        'DeleteKeystore',
        'GrantTrust',
        'RemoveTrust',
        'GetKeystoreStatus',
        'FinalizeKeystoreSetup',
      ],
    ]);
  });

  test.each([
    'Encrypt',
    'encrypt',
    'crypto.encrypt',
    'plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation/Encrypt',
    '/plugin.keystore.crypto.v1.KeystoreInstanceCryptoOperation/Encrypt',
  ])('are found by %s', (text) => {
    expect(findMethod(text)).toBe(encrypt);
  });

  test.each(['', 'ENCRYPT', 'constructor', 'crypto'])('are not found by %j', (text) => {
    expect(findMethod(text)).toBeUndefined();
  });
});

describe('a request in JSON', () => {
  test('is the message it says, members of config.values included', () => {
    const request = {
      parameters: { keyId: 'l1', config: { values: { address: 'a', of: { any: ['form'] } } } },
      plaintext: 'aGVsbG8=',
      associatedData: 'YQ==',
    };
    const read = readMessage(encrypt.request, request);
    expect(read).toEqual({
      value: {
        parameters: { keyId: 'l1', config: { values: { address: 'a', of: { any: ['form'] } } } },
        plaintext: Buffer.from('hello'),
        associatedData: Buffer.from('a'),
        keyVersionId: undefined,
        requestId: undefined,
      },
    });
  });

  test.each([
    [{ parameter: {} }, 'parameter'],
    [{ parameters: { keyid: 'l1' } }, 'parameters.keyid'],
    [{ parameters: { config: { value: {} } } }, 'parameters.config.value'],
    [JSON.parse('{"__proto__": {"plaintext": "x"}}') as object, '__proto__'],
  ])('with a field that the message does not have: %j', (request, unknown) => {
    expect(readMessage(encrypt.request, request)).toEqual({ unknown });
  });
});
