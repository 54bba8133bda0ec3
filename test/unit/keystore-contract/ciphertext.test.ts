import fc from 'fast-check';

import { formatCiphertext, parseCiphertext } from '../../../keystore-contract/ciphertext.ts';

const PAYLOAD = Buffer.alloc(28, 7).toString('base64'); // 28 bytes: two slack bits, one padding character
const payload = fc.uint8Array({ minLength: 28, maxLength: 400 });
const version = fc.integer({ min: 1, max: 9_999_999_999 });

const parse = (text: string) => parseCiphertext(Buffer.from(text, 'latin1'));

describe('ciphertext grammar', () => {
  it('R-CIPHER-02 reads back what it writes, and the text untouched', () => {
    fc.assert(
      fc.property(version, payload, (keyVersion, bytes) => {
        const text = formatCiphertext(keyVersion, bytes);
        expect(parseCiphertext(Buffer.from(text))).toEqual({ keyVersion, text });
      }),
    );
  });

  it('R-CIPHER-02 has one spelling per ciphertext: whatever it accepts is what it would write', () => {
    const nearMiss = fc
      .tuple(version, payload, fc.nat(), fc.string({ minLength: 0, maxLength: 2 }), fc.nat(2))
      .map(([keyVersion, bytes, at, insert, drop]) => {
        const text = formatCiphertext(keyVersion, bytes);
        const position = at % text.length;
        return text.slice(0, position) + insert + text.slice(position + drop);
      });
    fc.assert(
      fc.property(nearMiss, (text) => {
        const parsed = parseCiphertext(Buffer.from(text, 'utf8'));
        if (parsed === undefined) return;
        const bytes = Buffer.from(parsed.text.slice(parsed.text.indexOf(':', 7) + 1), 'base64');
        expect(formatCiphertext(parsed.keyVersion, bytes)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('R-CIPHER-02 never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(parseCiphertext(bytes)).toBeUndefined();
      }),
    );
  });

  it('R-CIPHER-02 reads a view into a larger buffer', () => {
    const text = `vault:v3:${PAYLOAD}`;
    const whole = Buffer.from(`junk${text}junk`);
    expect(parseCiphertext(whole.subarray(4, 4 + text.length))).toEqual({ keyVersion: 3, text });
  });

  it.each([
    ['shortest payload', `vault:v1:${PAYLOAD}`, 1],
    ['without padding', `vault:v12:${Buffer.alloc(30).toString('base64')}`, 12],
    ['with two padding characters', `vault:v1:${Buffer.alloc(28 + 3).toString('base64')}`, 1],
    ['highest version', `vault:v9999999999:${PAYLOAD}`, 9_999_999_999],
    ['all characters of the alphabet', `vault:v1:${Buffer.from(PAYLOAD + '+/+/', 'base64').toString('base64')}`, 1],
  ])('R-CIPHER-02 accepts: %s', (_name, text, keyVersion) => {
    expect(parse(text)).toEqual({ keyVersion, text });
  });

  it.each([
    ['nothing', ''],
    ['prefix alone', 'vault:v'],
    ['no version', `vault:v:${PAYLOAD}`],
    ['no payload', 'vault:v1:'],
    ['no second colon', `vault:v1${PAYLOAD}`],
    ['plus sign', `vault:v+1:${PAYLOAD}`],
    ['minus sign', `vault:v-1:${PAYLOAD}`],
    ['version zero', `vault:v0:${PAYLOAD}`],
    ['leading zero', `vault:v01:${PAYLOAD}`],
    ['fraction', `vault:v1.0:${PAYLOAD}`],
    ['exponent', `vault:v1e1:${PAYLOAD}`],
    ['hexadecimal', `vault:v0x1:${PAYLOAD}`],
    ['blank before the version', `vault:v 1:${PAYLOAD}`],
    ['line break after the version', `vault:v1\n:${PAYLOAD}`],
    ['version of eleven digits', `vault:v12345678901:${PAYLOAD}`],
    ['capital prefix', `VAULT:V1:${PAYLOAD}`],
    ['another prefix', `bao:v1:${PAYLOAD}`],
    ['leading blank', ` vault:v1:${PAYLOAD}`],
    ['trailing blank', `vault:v1:${PAYLOAD} `],
    ['trailing newline', `vault:v1:${PAYLOAD}\n`],
    ['trailing zero byte', `vault:v1:${PAYLOAD}\0`],
    ['line break inside the payload', `vault:v1:${PAYLOAD.slice(0, 20)}\n${PAYLOAD.slice(20)}`],
    ['third colon', `vault:v1:${PAYLOAD}:`],
    ['URL alphabet', `vault:v1:${Buffer.alloc(30, 0xff).toString('base64').replaceAll('/', '_')}`],
    ['missing padding', `vault:v1:${PAYLOAD.replaceAll('=', '')}`],
    ['padding too much', `vault:v1:${PAYLOAD}=`],
    ['padding of a full group', `vault:v1:${Buffer.alloc(30).toString('base64')}====`],
    ['padding inside', `vault:v1:${PAYLOAD}${PAYLOAD}`],
    ['slack bits that are not zero', `vault:v1:${PAYLOAD.replace(/.(=+)$/, 'd$1')}`],
    ['payload of 27 bytes', `vault:v1:${Buffer.alloc(27).toString('base64')}`],
    ['character beyond ASCII', `vault:v1:\xe4${PAYLOAD.slice(1)}`],
  ])('R-CIPHER-02 refuses: %s', (_name, text) => {
    expect(parse(text)).toBeUndefined();
  });

  it('R-CIPHER-02 does not take a character beyond one byte for the ASCII one it ends in', () => {
    // U+0176 ends in the byte of `v`.
    const text = `vault:\u01761:${PAYLOAD}`;
    expect(parseCiphertext(Buffer.from(text, 'utf8'))).toBeUndefined();
    expect(parseCiphertext(Buffer.from(text, 'utf16le'))).toBeUndefined();
  });
});
