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
    [{ parameter: {} }, 'there is no field parameter'],
    [{ parameters: { keyid: 'l1' } }, 'there is no field parameters.keyid'],
    [{ parameters: { config: { value: {} } } }, 'there is no field parameters.config.value'],
    [JSON.parse('{"__proto__": {"plaintext": "x"}}') as object, 'there is no field __proto__'],
    [{ parameters: 'l1' }, 'parameters must be an object'],
    [{ plaintext: 4242 }, 'a field has a value of the wrong kind'],
    [{ plaintext: '!!! not base64 !!!' }, 'plaintext is no base64'],
    [{ keyVersionId: ['1'] }, 'keyVersionId must be a plain value'],
  ])('that the message cannot be: %j', (request, problem) => {
    expect(readMessage(encrypt.request, request)).toEqual({ problem });
  });

  test('with an enumeration value that there is none of', () => {
    expect(readMessage(findMethod('CreateKey')!.request, { keyType: 'NOPE' })).toEqual({
      problem: 'keyType has no such value',
    });
  });
});
