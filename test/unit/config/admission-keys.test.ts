import fc from 'fast-check';

import { ConfigurationError } from '../../../src/config/configuration-error.ts';
import type { KeyCandidate } from '../../../src/keystore/admission.ts';
import {
  ADDRESS,
  admissionOf,
  CALL_CERTIFICATE,
  CONFIGURED,
  overTheWire,
  refusalOf,
  withProto,
} from './admission-fixture.ts';

const anywhere = admissionOf('');
const somewhere = admissionOf('keys: { regions: [eu, "us 1"] }');

const BYOK: KeyCandidate = { kind: 'BYOK', algorithm: 'AES256', region: 'eu', nativeKeyId: '' };
const MADE: KeyCandidate = { ...BYOK, kind: 'SYSTEM_MANAGED' };
const HYOK: KeyCandidate = { kind: 'HYOK', algorithm: undefined, region: '', nativeKeyId: 'key-1' };

describe('a key to be made', () => {
  it.each<[KeyCandidate]>([[BYOK], [MADE], [{ ...MADE, algorithm: 'RSA3072' }], [{ ...MADE, algorithm: 'RSA4096' }]])(
    'R-KEY-40 is accepted in any region, or in those that are offered: %j',
    (candidate) => {
      expect(anywhere.refuseKey({ ...candidate, region: 'Any where/1:2' })).toBeUndefined();
      expect(somewhere.refuseKey(candidate)).toBeUndefined();
      expect(somewhere.refuseKey({ ...candidate, region: 'us 1' })).toBeUndefined();
      expect(somewhere.refuseKey({ ...candidate, region: 'us' })).toBe('the region is not offered');
      expect(somewhere.refuseKey({ ...candidate, region: 'EU' })).toBe('the region is not offered');
    },
  );

  it('R-KEY-40 is accepted nowhere when no region is offered', () => {
    expect(admissionOf('keys: { regions: [] }').refuseKey(BYOK)).toBe('the region is not offered');
  });

  it.each<[Partial<KeyCandidate>, string]>([
    [{ kind: undefined }, 'the key type must be BYOK, HYOK or SYSTEM_MANAGED'],
    [{ algorithm: undefined }, 'the algorithm of a BYOK key must be AES256'],
    [{ algorithm: 'RSA3072' }, 'the algorithm of a BYOK key must be AES256'],
    [
      { kind: 'SYSTEM_MANAGED', algorithm: undefined },
      'the algorithm of a SYSTEM_MANAGED key must be AES256 or RSA3072 or RSA4096',
    ],
    [{ region: '' }, 'the region is missing'],
    [{ region: '<b>' }, 'the region is malformed'],
    [{ region: 'x'.repeat(51) }, 'the region is malformed'],
  ])('R-KEY-40 R-KEY-42 is refused with a text for its tenant: %j', (changes, text) => {
    expect(anywhere.refuseKey({ ...BYOK, ...changes })).toBe(text);
  });
});

describe('R-KEY-41 a key to be registered', () => {
  it.each(['key-1', 'K', 'a.b_c-d', 'x'.repeat(255)])('is accepted as %s', (nativeKeyId) => {
    expect(somewhere.refuseKey({ ...HYOK, nativeKeyId })).toBeUndefined();
  });

  it.each(['', 'a/b', '../a', 'a b', 'ä', '-a', 'a\n', 'x'.repeat(256)])('is refused as %j', (nativeKeyId) => {
    expect(somewhere.refuseKey({ ...HYOK, nativeKeyId })).toBe('the native key id must be the name of a Transit key');
  });
});

test('R-KEY-42 no text repeats what came or holds what CMK’s sanitiser would change', () => {
  const text = fc.oneof(fc.string(), fc.constant('x'.repeat(1 << 20)), fc.constant('<canary>'));
  const candidate = fc.record({
    kind: fc.constantFrom('BYOK', 'SYSTEM_MANAGED', 'HYOK', undefined),
    algorithm: fc.constantFrom('AES256', 'RSA3072', 'RSA4096', undefined),
    region: text,
    nativeKeyId: text,
  });
  fc.assert(
    fc.property(candidate, fc.constantFrom(anywhere, somewhere), (key, admission) => {
      expect(admission.refuseKey(key) ?? 'fine').toMatch(/^(?!.*canary)[A-Za-z0-9 ,_]{1,80}$/);
    }),
  );
});

describe('the region of a key', () => {
  const admission = admissionOf(`${CALL_CERTIFICATE}\nkeys: { region: by default }`);
  const withoutDefault = admissionOf(CALL_CERTIFICATE);

  it.each<[string, unknown, string]>([
    ['its access data name it', { address: ADDRESS, region: 'by tenant' }, 'by tenant'],
    ['its access data name it and no address', { region: 'by tenant' }, 'by tenant'],
    ['its address matches a labelled entry', { address: ADDRESS }, 'by-pattern'],
    ['its address, spelt otherwise, matches one', { address: 'HTTPS://US.bao.example.com:8200/' }, 'by-pattern'],
    ['its address matches an entry without label', { address: 'https://9.9.9.9:8200' }, 'by default'],
    ['its address is the configured one', { address: CONFIGURED }, 'by default'],
    ['its address cannot be used', { address: 7 }, 'by default'],
    ['its region is empty', { region: '' }, 'by default'],
    ['there are no access data', undefined, 'by default'],
    ['there are empty access data', {}, 'by default'],
  ])('R-KEY-50 when %s', (_name, management, region) => {
    expect(admission.regionOf(management)).toBe(region);
  });

  it.each<[unknown, string]>([
    [undefined, 'the region of the key is not known: name it in the access data'],
    [{}, 'the region of the key is not known: name it in the access data'],
    [{ address: CONFIGURED }, 'the region of the key is not known: name it in the access data'],
    [{ region: 7 }, 'the region in the access data is malformed'],
    [{ region: '<b>' }, 'the region in the access data is malformed'],
    [{ address: ADDRESS, region: 'x'.repeat(51) }, 'the region in the access data is malformed'],
    [overTheWire(withProto({ region: 'eu' })), 'the access data of the key cannot be used'],
    [[], 'the access data of the key cannot be used'],
  ])('R-KEY-51 is not made up: %j', (management, message) => {
    expect(refusalOf(() => withoutDefault.regionOf(management))).toEqual({
      class: 'invalid-request',
      message,
      details: { fields: ['management_access_data'] },
    });
  });

  it('R-KEY-50 is only ever what may be a region', () => {
    const text = `openbao: { allowedAddresses: [{ pattern: 'https://a.example.com', region: '<b>' }] }`;
    expect(() => admissionOf(text)).toThrow(ConfigurationError);
    expect(() => admissionOf(text)).toThrow('openbao.allowedAddresses[0].region');
  });
});
