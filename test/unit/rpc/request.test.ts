import { Secret } from '../../../src/config/secret.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import {
  describeKeyCall,
  invalid,
  optionalKeyVersion,
  requireKeyId,
  toKeystoreCall,
} from '../../../src/rpc/request.ts';
import type { UnaryContext } from '../../../src/rpc/unary.ts';

const context: UnaryContext = {
  signal: new AbortController().signal,
  deadline: 5000,
  trace: { openbaoRequestIds: [] },
};
const parameters = (keyId: string) => ({ config: undefined, keyId });

function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return 'nothing was refused';
}

describe('a request becomes a call of the keystore', () => {
  it.each([
    ['no config', undefined],
    ['no Struct', { values: undefined }],
    ['an empty Struct', { values: {} }],
    ['empty texts', { values: { address: '', clientCert: '', authType: '' } }],
  ])('R-CONF-14 with %s: nothing is named', (_name, config) => {
    expect(toKeystoreCall(config, context)).toEqual({ access: {}, ...context });
  });

  it('with what it names, and the request id', () => {
    const values = { address: 'https://a', mountPath: 'm', clientCert: 'C', privateKey: 'K', other: 'x' };
    const call = toKeystoreCall({ values }, context, 'r-1');
    expect(call).toEqual({
      access: {
        address: 'https://a',
        mountPath: 'm',
        certificate: { certificateChainPem: 'C', privateKeyPem: expect.any(Secret) as unknown },
      },
      requestId: 'r-1',
      ...context,
    });
    expect(JSON.stringify(call)).not.toContain('"K"');
  });

  it.each(['', 'a b', 'a\n', 'ä'])('R-CRYPTO-12 with the request id %j it is refused', (requestId) => {
    expect(failureOf(() => toKeystoreCall(undefined, context, requestId))).toMatchObject({
      class: 'invalid-request',
      message: 'request_id is malformed',
    });
  });

  it('R-CONF-15 with a value of the wrong kind it is refused by the names of the fields', () => {
    const values = { address: 7, mountPath: '../sys', region: 'eu' };
    expect(failureOf(() => toKeystoreCall({ values }, context))).toMatchObject({
      class: 'invalid-access-data',
      details: { fields: ['address', 'mountPath'], accessDataReason: 'CANNOT_PARSE_DATA' },
    });
  });

  it('R-CONF-17 with half a certificate it is refused by what is missing', () => {
    expect(failureOf(() => toKeystoreCall({ values: { privateKey: 'K' } }, context))).toMatchObject({
      class: 'invalid-access-data',
      details: { fields: ['clientCert'], accessDataReason: 'MISSING_FIELDS' },
    });
  });
});

describe('key id and version', () => {
  it.each([
    [undefined, 'key_id is missing'],
    [parameters(''), 'key_id is missing'],
    [parameters('a/b'), 'key_id is malformed'],
    [parameters('x'.repeat(1 << 20)), 'key_id is malformed'],
  ])('R-KEY-01 are refused: %#', (given, message) => {
    expect(failureOf(() => requireKeyId(given))).toMatchObject({ class: 'invalid-request', message });
  });

  it('R-CIPHER-03 are taken as they should be', () => {
    expect(requireKeyId(parameters('k'))).toBe('k');
    expect(optionalKeyVersion(undefined)).toBeUndefined();
    expect(optionalKeyVersion('12')).toBe(12);
    expect(failureOf(() => optionalKeyVersion('012'))).toMatchObject({ message: 'key_version_id is malformed' });
    expect(failureOf(() => optionalKeyVersion(''))).toMatchObject({ message: 'key_version_id is malformed' });
  });

  it('a refusal names the field and never what it holds', () => {
    const error = invalid('key_id', 'is malformed');
    expect(error).toBeInstanceOf(KeystoreError);
    expect(error.details).toEqual({ fields: ['key_id'] });
  });
});

describe('the log line of a call', () => {
  it('R-CRYPTO-13 has key id and request id', () => {
    expect(describeKeyCall({ parameters: parameters('k'), requestId: 'r' })).toEqual({ key_id: 'k', request_id: 'r' });
  });

  it.each([
    ['empty', ''],
    ['malformed', 'CANARY/x'],
    ['too long', 'x'.repeat(256)],
  ])('does not repeat what is no key id or request id: %s', (_name, text) => {
    expect(describeKeyCall({ parameters: parameters(text), requestId: `${text}/` })).toEqual({});
    expect(describeKeyCall({})).toEqual({});
  });
});
