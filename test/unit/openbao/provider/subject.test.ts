import fc from 'fast-check';

import { KeystoreError } from '../../../../src/keystore/errors.ts';
import { readSubject, type SubjectRule } from '../../../../src/openbao/provider/subject.ts';

const crypto = (subject: string): SubjectRule => readSubject({ type: 'CRYPTO', subject });
const management = (subject: string): SubjectRule => readSubject({ type: 'MANAGEMENT', subject });

function refusal(read: (subject: string) => SubjectRule, subject: string): KeystoreError {
  try {
    read(subject);
  } catch (error) {
    if (error instanceof KeystoreError) return error;
    throw error;
  }
  throw new Error(`was accepted: ${subject}`);
}

describe('R-PROVIDER-07 the distinguished name of crypto trust', () => {
  test.each<[subject: string, commonName: string, units: string[]]>([
    ['CN=a', 'a', []],
    ['CN=crypto-eu10,OU=Crypto', 'crypto-eu10', ['Crypto']],
    ['CN=a,OU=x/y/z', 'a', ['z', 'x/y/z']],
    ['CN=a,OU=x,O=Example,L=eu10,C=DE', 'a', ['x']],
    ['CN=a,O=Example & Sons,L=St. Leon-Rot,C=de', 'a', []],
    ['CN=a,C=DE', 'a', []],
    ['CN=Zoë 関数,OU=Ünit', 'Zoë 関数', ['Ünit']],
    ["CN=a/b:c@d(e)'f!,OU=x", "a/b:c@d(e)'f!", ['x']],
    [`CN=${'x'.repeat(64)}`, 'x'.repeat(64), []],
    [`CN=${'𝒙'.repeat(64)}`, '𝒙'.repeat(64), []],
  ])('%s', (subject, commonName, organizationalUnits) => {
    expect(crypto(subject)).toEqual({ commonName, organizationalUnits });
  });

  test.each([
    ['nothing', ''],
    ['no attribute', 'a'],
    ['no common name', 'OU=x'],
    ['an empty common name', 'CN='],
    ['an empty unit', 'CN=a,OU='],
    ['an empty unit between others', 'CN=a,OU=x//y'],
    ['an empty unit at the end', 'CN=a,OU=x/'],
    ['another order', 'OU=x,CN=a'],
    ['another order further back', 'CN=a,C=DE,L=x'],
    ['a repeated attribute', 'CN=a,CN=b'],
    ['a repeated unit attribute', 'CN=a,OU=x,OU=y'],
    ['an unknown attribute', 'CN=a,ST=x'],
    ['an object identifier', '2.5.4.3=a'],
    ['a lower-case attribute', 'cn=a'],
    ['a blank after a comma', 'CN=a, OU=x'],
    ['a blank before the equals sign', 'CN =a'],
    ['a leading blank', 'CN= a'],
    ['a trailing blank', 'CN=a ,OU=x'],
    ['a comma at the end', 'CN=a,'],
    ['a comma inside', 'CN=a,b'],
    ['a comma inside that may begin an attribute', 'CN=Acme,OK'],
    ['a comma inside and no equals sign behind it', 'CN=Acme,Lx'],
    ['a unit without an equals sign', 'CN=Acme,OUy'],
    ['a common name without an equals sign', 'CNx'],
    ['a common name of one character too many', 'CNx,OU=y'],
    ['no attribute before an equals sign', 'CN=a,=x'],
    ['an escaped comma', 'CN=a\\,b'],
    ['an escaped byte', 'CN=a\\2ab'],
    ['quotes', 'CN="a"'],
    ['a further value', 'CN=a+OU=x'],
    ['an equals sign inside', 'CN=a=b'],
    ['a hexadecimal value', 'CN=#0403'],
    ['a semicolon', 'CN=a;OU=x'],
    ['angle brackets', 'CN=<a>'],
    ['a glob', 'CN=*'],
    ['a glob at the end', 'CN=crypto-*'],
    ['a glob in a unit', 'CN=a,OU=x/*'],
    ['a glob where OpenBao takes no notice', 'CN=a,L=*'],
    ['a line break', 'CN=a\nb'],
    ['a null', 'CN=a\u0000'],
    ['a soft hyphen', 'CN=a\u00adb'],
    ['a zero-width joiner', 'CN=a\u200db'],
    ['a change of direction', 'CN=a\u202eb'],
    ['a line separator', 'CN=a\u2028b'],
    ['half a character', 'CN=a\ud800'],
    ['a private character', 'CN=a\ue000'],
    ['no-break space at the edge', 'CN=\u00a0a'],
    ['a long common name', `CN=${'x'.repeat(65)}`],
    ['a long unit', `CN=a,OU=${'x'.repeat(65)}`],
    ['a long organisation', `CN=a,O=${'x'.repeat(65)}`],
    ['a long locality', `CN=a,L=${'x'.repeat(129)}`],
    ['a country of three letters', 'CN=a,C=DEU'],
    ['a country of digits', 'CN=a,C=49'],
    ['too many units', `CN=a,OU=${Array.from({ length: 17 }, () => 'x').join('/')}`],
    ['too long', `CN=a,OU=${Array.from({ length: 16 }, () => 'x'.repeat(64)).join('/')}`],
  ])('with %s is refused', (_, subject) => {
    const { class: errorClass, details, message } = refusal(crypto, subject);
    expect([errorClass, details]).toEqual(['invalid-request', { fields: ['subject'] }]);
    // Says what is wrong, and repeats nothing of it.
    expect(message).toMatch(/^subject (is|has|must) [\w ,]+$/);
  });

  const value = fc
    .stringMatching(/^[A-Za-z0-9](?:[A-Za-z0-9 .:_-]{0,30}[A-Za-z0-9])?$/)
    .filter((text) => text.trim() === text);
  const name = fc.record(
    {
      CN: value,
      OU: fc.array(value, { minLength: 1, maxLength: 4 }),
      O: value,
      L: value,
      C: fc.constantFrom('DE', 'us'),
    },
    { requiredKeys: ['CN'] },
  );

  test('what CMK makes of a subject is read back', () => {
    fc.assert(
      fc.property(name, ({ C, CN, L, O, OU }) => {
        const parts = { CN, OU: OU?.join('/'), O, L, C };
        const subject = Object.entries(parts)
          .filter(([, text]) => text !== undefined)
          .map(([attribute, text]) => `${attribute}=${text ?? ''}`)
          .join(',');
        const { commonName, organizationalUnits } = crypto(subject);
        expect(commonName).toBe(CN);
        expect(organizationalUnits[0]).toBe(OU?.at(-1));
      }),
    );
  });

  test('every text that is accepted is what is written of its parts again', () => {
    const part = fc
      .tuple(fc.constantFrom('CN', 'OU', 'O', 'L', 'C', ''), fc.constantFrom('=', '', ' =', '=='), value)
      .map((pieces) => pieces.join(''));
    const list = fc.tuple(
      fc.oneof(
        value.map((text) => `CN=${text}`),
        part,
      ),
      fc.array(part, { maxLength: 3 }),
    );
    const near = list.map(([first, rest]) => [first, ...rest].join(','));
    fc.assert(
      fc.property(fc.oneof(near, fc.stringMatching(/^CN=?[A-Z]{1,3}(,(CN|OU|O|L|C)=?[A-Z]{0,3}){0,3}$/)), (subject) => {
        let rule: SubjectRule;
        try {
          rule = crypto(subject);
        } catch (error) {
          expect(error).toBeInstanceOf(KeystoreError);
          return;
        }
        const parts = [...subject.matchAll(/(?:^|,)(CN|OU|O|L|C)=([^,=]+)/g)].map(([, attribute, text]) => ({
          attribute,
          text,
        }));
        expect(parts.map(({ attribute, text }) => `${attribute}=${text}`).join(',')).toBe(subject);
        const written = new Map(parts.map(({ attribute, text }) => [attribute, text]));
        expect(rule.commonName).toBe(written.get('CN'));
        expect(rule.organizationalUnits.at(-1)).toBe(written.get('OU'));
      }),
      { numRuns: 1000 },
    );
  });

  test('no text lets a rule through that is empty, or that OpenBao would take for more than one', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^CN=[ -~]{0,40}(,OU=[ -~]{0,40})?$/));
    fc.assert(
      fc.property(text, fc.constantFrom(crypto, management), (subject, read) => {
        let rule: SubjectRule;
        try {
          rule = read(subject);
        } catch (error) {
          expect(error).toBeInstanceOf(KeystoreError);
          return;
        }
        for (const each of [rule.commonName, ...rule.organizationalUnits]) {
          expect(each).toMatch(/^[^*,=+<>;"\\\p{C}]+$/u);
          expect(subject).toContain(each);
        }
      }),
    );
  });
});

describe('R-PROVIDER-07 the common name of management trust', () => {
  test.each(['cmk-byok-tenant-1', 'a', 'tenant one', 'x'.repeat(64)])('%s', (subject) => {
    expect(management(subject)).toEqual({ commonName: subject, organizationalUnits: [] });
  });

  test.each(['', ' a', 'a ', '*', 'a*', 'CN=a', 'a,b', 'a\\b', '#a', 'a\tb', 'x'.repeat(65)])(
    '%j is refused',
    (subject) => {
      expect(refusal(management, subject).class).toBe('invalid-request');
    },
  );
});
