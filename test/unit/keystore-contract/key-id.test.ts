import fc from 'fast-check';

import { formatKeyVersionId, isKeyId, isRequestId, parseKeyVersionId } from '../../../keystore-contract/key-id.ts';

const UUID = '1f0a8a52-7c0e-4a46-9d3a-0123456789ab';

describe('key id', () => {
  it.each([['a'], ['_'], ['7'], ['k1'], ['a.b'], ['a-b'], ['A_b.c-D'], [UUID], ['a..b']])(
    'R-KEY-01 accepts %s',
    (text) => {
      expect(isKeyId(text)).toBe(true);
    },
  );

  it('R-KEY-01 accepts 255 characters', () => {
    expect(isKeyId('x'.repeat(255))).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['leading dash', '-a'],
    ['trailing dash', 'a-'],
    ['leading dot', '.a'],
    ['trailing dot', 'a.'],
    ['dot', '.'],
    ['two dots', '..'],
    ['slash', 'a/b'],
    ['way up', 'a/../b'],
    ['encoded slash', 'a%2Fb'],
    ['question mark', 'a?b'],
    ['fragment', 'a#b'],
    ['backslash', 'a\\b'],
    ['blank', 'a b'],
    ['trailing newline', 'a\n'],
    ['zero byte', 'a\0b'],
    ['umlaut', 'schlüssel'],
    ['word character of Unicode', 'aⅷ'],
    ['full-width letter', 'ａ'],
    ['markup', '<b>'],
    ['quote', "a'b"],
    ['template', '{{a}}'],
    ['256 characters', 'x'.repeat(256)],
    ['1 MiB', 'x'.repeat(1 << 20)],
  ])('R-KEY-01 refuses: %s', (_name, text) => {
    expect(isKeyId(text)).toBe(false);
  });

  it('R-KEY-01 leaves nothing in a name that a URL or CMK would change', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (text) => {
        if (!isKeyId(text)) return;
        expect(new URL(`https://h/v1/transit/keys/${text}`).pathname).toBe(`/v1/transit/keys/${text}`);
        expect(text).not.toMatch(/[&<>"']/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('key version id', () => {
  it('R-CIPHER-03 reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_999_999_999 }), (version) => {
        expect(parseKeyVersionId(formatKeyVersionId(version))).toBe(version);
      }),
    );
  });

  it('R-CIPHER-03 has one spelling per version', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-. ex'.split('')), maxLength: 12 }), (text) => {
        const version = parseKeyVersionId(text);
        if (version !== undefined) expect(formatKeyVersionId(version)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([[''], ['0'], ['00'], ['01'], ['-1'], ['+1'], ['1.0'], ['1e3'], [' 1'], ['1 '], ['1\n'], ['٣'], ['v1']])(
    'R-CIPHER-03 refuses %j',
    (text) => {
      expect(parseKeyVersionId(text)).toBeUndefined();
    },
  );

  it.each([11, 100_000])('R-CIPHER-03 refuses %i digits', (length) => {
    expect(parseKeyVersionId('1'.repeat(length))).toBeUndefined();
  });
});

describe('request id', () => {
  it.each(['a', UUID, 'a.b_c-d', '-', '.'])('R-CRYPTO-12 accepts %s', (text) => {
    expect(isRequestId(text)).toBe(true);
  });

  it('R-CRYPTO-12 accepts 128 characters and no more', () => {
    expect([128, 129].map((length) => isRequestId('x'.repeat(length)))).toEqual([true, false]);
  });

  it.each([[''], ['a b'], ['a\n'], ['a\r\nX-Vault-Token: t'], ['a:b'], ['ä'], ['{"a":1}']])(
    'R-CRYPTO-12 refuses %j',
    (text) => {
      expect(isRequestId(text)).toBe(false);
    },
  );
});
