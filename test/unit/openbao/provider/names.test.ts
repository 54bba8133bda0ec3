import {
  firstRoles,
  grantedRole,
  isKeystoreName,
  newKeystoreName,
  roleKind,
} from '../../../../src/openbao/provider/names.ts';

const NAME = 'openkcm-0123456789abcdef';
const SUBJECT = 'CN=a,OU=b';

describe('names of keystores', () => {
  test('R-PROVIDER-01 are recognised, and differ', () => {
    const names = Array.from({ length: 1000 }, () => newKeystoreName('kcm-'));
    expect(new Set(names).size).toBe(1000);
    expect(names.every((name) => isKeystoreName('kcm-', name))).toBe(true);
    expect(names.some((name) => isKeystoreName('kcm', name) || isKeystoreName('kcm-0', name))).toBe(false);
  });

  test.each([
    '',
    'openkcm-',
    `${NAME}0`,
    NAME.slice(0, -1),
    NAME.toUpperCase(),
    `x${NAME}`,
    `${NAME}/`,
    `${NAME}-keys`,
  ])('R-PROVIDER-06 %j is none', (text) => {
    expect(isKeystoreName('openkcm-', text)).toBe(false);
  });

  test('R-PROVIDER-01 the first roles serve as common names', () => {
    const longest = newKeystoreName('x'.repeat(20));
    for (const role of Object.values(firstRoles(longest))) expect(role.length).toBeLessThanOrEqual(64);
  });
});

describe('R-PROVIDER-08 the role of granted trust', () => {
  const crypto = { type: 'CRYPTO', subject: SUBJECT, region: 'eu10' } as const;

  test('is the same in every process', () => {
    expect(grantedRole(NAME, crypto)).toBe(`${NAME}-crypto-52f2b4f9e680b16186a8c5acf63321ff`);
  });

  test('differs by keystore, type, subject and region; management knows no regions', () => {
    const management = { ...crypto, type: 'MANAGEMENT' } as const;
    const roles = [
      grantedRole(NAME, crypto),
      grantedRole('openkcm-1123456789abcdef', crypto),
      grantedRole(NAME, { ...crypto, subject: 'CN=a,OU=c' }),
      grantedRole(NAME, { ...crypto, region: 'eu20' }),
      grantedRole(NAME, management),
      grantedRole(NAME, { ...management, subject: 'b' }),
    ];
    expect(new Set(roles).size).toBe(roles.length);
    expect(grantedRole(NAME, { ...management, region: 'eu20' })).toBe(grantedRole(NAME, management));
    // A subject and a region that read alike when they are put together.
    const split = { ...crypto, subject: 'CN=a","e', region: 'u' };
    expect(grantedRole(NAME, split)).not.toBe(grantedRole(NAME, { ...split, subject: 'CN=a', region: 'e","u' }));
  });
});

test.each([
  [`${NAME}-roles`, 'ROLES'],
  [`${NAME}-keys`, 'MANAGEMENT'],
  [`${NAME}-keys-${'a'.repeat(32)}`, 'MANAGEMENT'],
  [`${NAME}-crypto-${'0'.repeat(32)}`, 'CRYPTO'],
  [`${NAME}-crypto`, undefined],
  [`${NAME}-roles-${'0'.repeat(32)}`, undefined],
  [`${NAME}-keys-${'a'.repeat(31)}`, undefined],
  [`${NAME}-keys-${'A'.repeat(32)}`, undefined],
  [`${NAME}-keys-${'a'.repeat(32)}x`, undefined],
  [`${NAME}-state`, undefined],
  [NAME, undefined],
  ['openkcm-1123456789abcdef-keys', undefined],
  ['default', undefined],
  ['', undefined],
])('R-PROVIDER-09 role %j is for %s', (role, kind) => {
  expect(roleKind(NAME, role)).toBe(kind);
});
