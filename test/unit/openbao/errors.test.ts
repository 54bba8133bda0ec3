import { inspect } from 'node:util';

import fc from 'fast-check';

import { KeystoreError, type KeystoreErrorClass } from '../../../src/keystore/errors.ts';
import { type Answer, toAnswer } from '../../../src/openbao/answer.ts';
import { isLostRace, isNothingHere, isWrappedDenial, toKeystoreError } from '../../../src/openbao/errors.ts';

const wrapped = (text: string): string => `1 error occurred:\n\t* ${text}\n\n`;
const said = (status: number, ...errors: string[]): Answer => toAnswer(status, JSON.stringify({ errors }), undefined);
const classOf = (answer: Answer): KeystoreErrorClass => toKeystoreError(answer).class;

describe('what OpenBao says, by its own texts (2.6.2 and 2.7.2)', () => {
  it.each<[number, string, KeystoreErrorClass]>([
    [400, 'encryption key not found', 'key-not-found'],
    [400, 'no existing key named k could be found', 'key-not-found'],
    [400, 'refusing to use soft-deleted key', 'key-disabled'],
    [500, wrapped('refusing to use soft-deleted key'), 'key-disabled'],
    [400, 'ciphertext or signature version is disallowed by policy (too old)', 'key-version-retired'],
    [400, 'requested version for encryption is less than the minimum encryption key version', 'key-version-retired'],
    [400, 'invalid ciphertext: version is too new', 'key-version-unknown'],
    [400, 'no such key version', 'key-version-unknown'],
    [400, 'requested version for encryption is higher than the latest key version', 'key-version-unknown'],
    [400, 'cipher: message authentication failed', 'integrity-failure'],
    [400, 'chacha20poly1305: message authentication failed', 'integrity-failure'],
    [400, 'invalid ciphertext length', 'integrity-failure'],
    [400, 'invalid ciphertext: could not decode base64', 'integrity-failure'],
    [500, wrapped('failed to RSA decrypt the ciphertext: crypto/rsa: decryption error'), 'integrity-failure'],
    [400, 'invalid ciphertext: no prefix', 'invalid-ciphertext'],
    [400, 'invalid ciphertext: wrong number of fields', 'invalid-ciphertext'],
    [400, 'invalid ciphertext: version number could not be decoded', 'invalid-ciphertext'],
    [
      400,
      "missing 'context' for key derivation; the key was created using a derived key, which means additional, " +
        'per-request information must be included in order to perform operations with the key',
      'key-unusable',
    ],
    [400, 'message encryption not supported for key type ed25519', 'key-unusable'],
    [400, 'message decryption not supported for key type ecdsa-p256', 'key-unusable'],
    [500, wrapped('cannot decrypt ciphertext, key version does not have a private counterpart'), 'key-unusable'],
    [500, wrapped('external key not found or no factory'), 'key-unusable'],
    [400, "'[0].associated_data' provided for non-AEAD cipher suite rsa-3072", 'invalid-request'],
    [
      500,
      wrapped('failed to RSA encrypt the plaintext: crypto/rsa: message too long for RSA key size'),
      'invalid-request',
    ],
    [400, 'illegal base64 data at input byte 4', 'invalid-request'],
    [400, 'missing plaintext to encrypt', 'invalid-request'],
    [400, 'failed to decode JSON input: invalid character', 'invalid-request'],
    [400, 'some text of a later release', 'invalid-request'],
    [413, 'http: request body too large', 'invalid-request'],
    [404, 'no handler for route "nowhere/keys/k". route entry not found.', 'mount-not-found'],
    [404, wrapped('unsupported path'), 'mount-not-found'],
    [405, wrapped('unsupported operation'), 'mount-not-found'],
    [404, 'namespace not found', 'namespace-not-found'],
    [403, wrapped('permission denied'), 'permission-denied'],
    [403, 'permission denied', 'permission-denied'],
    [429, 'request path "transit/encrypt/k": rate limit quota exceeded', 'rate-limited'],
    [503, 'Vault is sealed', 'sealed'],
    [503, 'namespace is sealed', 'namespace-sealed'],
    [
      503,
      'API access to this namespace has been locked by an administrator - "t1/" must be unlocked to gain access.',
      'namespace-sealed',
    ],
    [500, 'no active Vault instance found', 'no-active-node'],
    [500, wrapped('local node not active but active cluster node not found'), 'no-active-node'],
    [503, 'node is not active', 'no-active-node'],
    [500, wrapped('active context canceled after getting state lock'), 'no-active-node'],
    [500, wrapped('leadership lost while committing log'), 'no-active-node'],
    [502, 'error performing request', 'unreachable'],
    [503, 'some other reason', 'unreachable'],
    [504, 'gateway timeout', 'unreachable'],
    [500, wrapped('internal error'), 'server-error'],
    [500, 'context canceled', 'server-error'],
    [500, 'transaction commit failed', 'server-error'],
    [501, 'not implemented', 'server-error'],
  ])('%i %j is %s', (status, text, errorClass) => {
    expect(classOf(said(status, text))).toBe(errorClass);
  });

  it.each<[string, Answer, KeystoreErrorClass]>([
    ['a text that is not the first', said(400, 'something', 'refusing to use soft-deleted key'), 'key-disabled'],
    ['a status without its text is not enough', said(500, 'encryption key not found'), 'server-error'],
    ['404 with an empty list', said(404), 'invalid-request'],
    ['307 of a standby', toAnswer(307, '', undefined), 'no-active-node'],
    [
      '307 with the page of the Go library',
      toAnswer(307, '<a href="x">Temporary Redirect</a>.\n\n', undefined),
      'no-active-node',
    ],
    ['308', toAnswer(308, '', undefined), 'no-active-node'],
    ['472 of a replication secondary', toAnswer(472, '', undefined), 'no-active-node'],
    ['473', toAnswer(473, '', undefined), 'no-active-node'],
    ['success without data', toAnswer(200, '{"request_id":"a"}', undefined), 'malformed-answer'],
    ['success without a body', toAnswer(200, '', undefined), 'malformed-answer'],
    ['204', toAnswer(204, '', undefined), 'malformed-answer'],
    [
      'KV version 2, which answers a path it does not know with the envelope of a success',
      toAnswer(
        404,
        '{"request_id":"f3b4c1d2-1","data":null,"warnings":["Invalid path for a versioned K/V …"]}',
        undefined,
      ),
      'mount-not-found',
    ],
  ])('%s is %s', (_name, answer, errorClass) => {
    expect(classOf(answer)).toBe(errorClass);
  });

  it.each<[string, number, string]>([
    ['a page of a proxy', 403, '<html>Forbidden</html>'],
    ['a page of a portal', 200, '<html>Please log in</html>'],
    ['a page of a proxy', 500, '<html>Internal error</html>'],
    ['a redirect to a portal', 302, ''],
    ['a moved page', 301, '<a href="https://elsewhere/">Moved</a>'],
    ['JSON of another server', 403, '{"message":"Forbidden"}'],
    ['JSON of another server', 404, '{"error":"not found"}'],
    ['errors that are no list', 403, '{"errors":"permission denied"}'],
    ['an array', 400, '["permission denied"]'],
    ['a text in JSON', 400, '"permission denied"'],
    ['plain HTTP on a TLS port', 400, 'Client sent an HTTP request to an HTTPS server.\n'],
    ['no body', 403, ''],
    ['no body', 401, ''],
  ])('R-AUTH-20 %s (%i) does not come from OpenBao', (_name, status, body) => {
    expect(classOf(toAnswer(status, body, undefined))).toBe('not-an-openbao-answer');
  });

  it.each<[number, KeystoreErrorClass]>([
    [429, 'rate-limited'],
    [502, 'unreachable'],
    [503, 'unreachable'],
    [504, 'unreachable'],
  ])('%i of a gateway with a page of its own is %s', (status, errorClass) => {
    expect(classOf(toAnswer(status, '<html></html>', undefined))).toBe(errorClass);
  });

  it('every status gives an error', () => {
    for (let status = 100; status < 600; status += 1) {
      expect(toKeystoreError(toAnswer(status, '', undefined))).toBeInstanceOf(KeystoreError);
      expect(toKeystoreError(said(status, 'text'))).toBeInstanceOf(KeystoreError);
    }
  });
});

describe('what an error carries of an answer', () => {
  it('R-ERR-12 names path and capability of a denial, and only of a denial', () => {
    const context = { policyPath: 'transit/encrypt/k', capability: 'update' };
    const denied = toKeystoreError(said(403, wrapped('permission denied')), context);
    expect(denied.details).toEqual({ httpStatus: 403, ...context });
    expect(toKeystoreError(said(400, 'encryption key not found'), context).details).toEqual({ httpStatus: 400 });
  });

  it.each([
    ['0', 100],
    ['1', 1000],
    ['30', 30_000],
    ['soon', undefined],
    ['-1', undefined],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['99999999', undefined],
    [undefined, undefined],
  ])('Retry-After %j is %j ms', (header, ms) => {
    expect(toKeystoreError(toAnswer(429, '{"errors":["x"]}', header)).details.retryAfterMs).toBe(ms);
  });

  it('keeps the request id of OpenBao when it looks like one', () => {
    const answer = (id: unknown): Answer => toAnswer(500, JSON.stringify({ request_id: id, errors: ['x'] }), undefined);
    expect(toKeystoreError(answer('f3b4-1')).details.openbaoRequestId).toBe('f3b4-1');
    for (const id of ['a b', 'x'.repeat(65), '', 7, null, { a: 1 }, 'a\nb']) {
      expect(toKeystoreError(answer(id)).details).toEqual({ httpStatus: 500 });
    }
  });

  it('R-ERR-05 R-SEC-01 nothing of a server text ever gets into an error, in any form of printing', () => {
    const canary = 'CANARY-3f1c';
    const known = ['encryption key not found', 'permission denied', 'invalid ciphertext', 'Vault is sealed', 'x'];
    const anyText = fc
      .tuple(fc.constantFrom(...known), fc.string(), fc.boolean())
      .map(([text, noise, first]) => (first ? `${canary} ${text} ${noise}` : `${text} ${noise} ${canary}`));
    const anyBody = fc.oneof(
      anyText.map((text) => JSON.stringify({ errors: [text] })),
      anyText.map((text) =>
        JSON.stringify({ errors: [text], request_id: text, data: { error: text }, warnings: [text] }),
      ),
      anyText.map((text) => JSON.stringify({ message: text })),
      anyText.map((text) => JSON.stringify({ errors: { [text]: text } })),
      anyText,
    );
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), anyBody, anyText, (status, body, header) => {
        const error = toKeystoreError(toAnswer(status, body, header), { policyPath: 'p', capability: 'update' });
        const forms = [
          String(error),
          error.message,
          error.stack,
          JSON.stringify(error),
          inspect(error, { depth: 9, showHidden: true, getters: true }),
        ];
        expect(forms.join()).not.toContain(canary);
        expect(error.cause).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

describe('small judgements', () => {
  it.each([
    [said(404), true],
    [said(404, 'no handler for route "x"'), false],
    [toAnswer(404, '', undefined), false],
    [toAnswer(404, '{"errors":null}', undefined), false],
    [said(200), false],
  ])('nothing here: %#', (answer, expected) => {
    expect(isNothingHere(answer)).toBe(expected);
  });

  it.each([
    [said(403, wrapped('permission denied')), true],
    [said(403, 'permission denied'), false],
    [
      said(403, 'preflight capability check returned 403, please ensure client\'s policies grant access to path "x/"'),
      true,
    ],
    [said(400, wrapped('permission denied')), false],
    [toAnswer(403, '<html>1 error occurred</html>', undefined), false],
  ])('a denial by policy: %#', (answer, expected) => {
    expect(isWrappedDenial(answer)).toBe(expected);
  });

  it.each([
    [said(500, 'transaction commit failed'), true],
    [said(500, wrapped('transaction commit failed')), true],
    [said(500, '[0] gets had different structure: …'), true],
    [said(500, 'internal error'), false],
    [said(400, 'transaction commit failed'), false],
    [toAnswer(500, 'transaction commit failed', undefined), false],
  ])('a lost race: %#', (answer, expected) => {
    expect(isLostRace(answer)).toBe(expected);
  });
});
