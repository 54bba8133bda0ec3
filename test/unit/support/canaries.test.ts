import { randomBytes } from 'node:crypto';

import { keyCanaries, searchFor, SPELLINGS } from '../../support/canaries.ts';
import { createAuthority } from '../../support/pki.ts';

const SECRET = 'CANARY-"q"\\ ü/+?=&% 0123456789';

const line = (text: string): string => `{"@level":"debug","@message":"call","text":"${text}"}`;

describe('R-SEC-20 the search for canaries finds', () => {
  test.each(Object.entries(SPELLINGS))('one that is spelled: %s', (_name, { of }) => {
    const withoutLineBreak = randomBytes(48).map((byte) => (byte === 10 ? 11 : byte));
    for (const canary of [Buffer.from(SECRET), Buffer.from(withoutLineBreak)]) {
      const search = searchFor([{ name: 'canary', value: canary }]);
      expect(search(line('nothing'))).toEqual([]);
      for (const text of of(canary)) expect(search(`${line('nothing')}\n${line(text)}`)).not.toEqual([]);
    }
  });

  test.each([0, 1, 2, 3])('one in base64 of something that it is a part of, behind %i bytes', (before) => {
    const whole = Buffer.concat([randomBytes(before), Buffer.from(SECRET), randomBytes(5)]);
    const search = searchFor([{ name: 'canary', value: SECRET }]);
    for (const encoding of ['base64', 'base64url'] as const) {
      expect(search(line(whole.toString(encoding)))).not.toEqual([]);
    }
  });

  test('a fragment of one, wherever it is cut off', () => {
    const secret = randomBytes(60).toString('base64url');
    const search = searchFor([{ name: 'canary', value: secret }]);
    for (let start = 0; start + 20 <= secret.length; start += 1) {
      expect(search(line(`…${secret.slice(start, start + 20)}…`))).not.toEqual([]);
    }
  });

  test('the beginning and the end of a long one', () => {
    const secret = randomBytes(100_000);
    const search = searchFor([{ name: 'canary', value: secret }]);
    expect(search(line(secret.subarray(0, 300).toString('hex')))).toEqual(['canary, hex']);
    expect(search(line(secret.subarray(-300).toString('hex')))).toEqual(['canary, hex']);
  });

  test('every name of a secret that has two', () => {
    const value = randomBytes(24).toString('base64url');
    const names = searchFor([
      { name: 'token', value },
      { name: 'wrapping token', value },
    ])(line(value));
    expect(names).toEqual(expect.arrayContaining(['token, raw', 'wrapping token, raw']));
  });

  test('every line of a private key, its whole, its numbers and a fragment, and not its certificate', async () => {
    const authority = await createAuthority();
    const { certificatePem, privateKeyPem } = await authority.issue({ commonName: 'x', algorithm: 'RSA-3072' });
    const search = searchFor(keyCanaries(privateKeyPem));
    const lines = privateKeyPem.split('\n').slice(1, -2);
    expect(lines.length).toBeGreaterThan(20);
    const numbers = Buffer.from(lines.join(''), 'base64').subarray(-400);
    const texts = [...lines, JSON.stringify(privateKeyPem), numbers.toString('hex'), lines[3]!.slice(7, 30)];
    expect(texts.map((text) => search(line(text)).length > 0)).toEqual(texts.map(() => true));
    expect(search(certificatePem)).toEqual([]);
  });
});

test('R-SEC-20 a canary that could not be found is refused', () => {
  for (const value of ['short', Buffer.alloc(64), 'x'.repeat(64)]) {
    expect(() => searchFor([{ name: 'canary', value }])).toThrow('canary cannot be searched for');
  }
});
