import fc from 'fast-check';
import { protocolErrorOf } from '../../support/protocol-error.ts';
import { acceptVersion, negotiateVersion, parseInteger } from '../../../plugin-protocol/versions.ts';

test.each([
  { own: [1], announced: '1', choice: 1 },
  { own: [1], announced: '3,1,2', choice: 1 },
  { own: [1, 2, 3], announced: '2,1', choice: 2 },
  { own: [3, 1, 2], announced: '1,2,3', choice: 3 },
  { own: [1], announced: '9', choice: 1 },
  { own: [4, 2, 3], announced: '9', choice: 2 },
  { own: [4, 2, 3], announced: '', choice: 2 },
  { own: [1], announced: 'x,1', choice: 1 },
  { own: [2, 1], announced: 'x,1', choice: 1 },
  { own: [2, 1], announced: ' 2,1', choice: 1 },
  { own: [10, 9], announced: '9,10', choice: 10 },
])('P7: of $own the plugin answers $choice to "$announced"', ({ own, announced, choice }) => {
  expect(negotiateVersion(own, announced)).toBe(choice);
});

test('a plugin without a version cannot answer', () => {
  expect(protocolErrorOf(() => negotiateVersion([], '1'))?.code).toBe('ERR_APP_VERSION');
});

test('the host refuses what it did not offer', () => {
  expect(acceptVersion([1, 2], 2)).toBe(2);
  expect(protocolErrorOf(() => acceptVersion([1, 2], 3))).toEqual({
    code: 'ERR_APP_VERSION',
    message: 'incompatible API version with plugin. Plugin version: 3, Client versions: [1 2]',
  });
});

test('both sides agree on the highest common version, or the host refuses', () => {
  const versions = fc.uniqueArray(fc.integer({ min: 0, max: 20 }), { minLength: 1 });
  fc.assert(
    fc.property(versions, versions, (own, offered) => {
      const answered = negotiateVersion(own, offered.join(','));
      const common = own.filter((version) => offered.includes(version));
      if (common.length > 0) expect(acceptVersion(offered, answered)).toBe(Math.max(...common));
      else expect(() => acceptVersion(offered, answered)).toThrow('incompatible API version');
    }),
  );
});

test.each([
  ['1', 1],
  ['+1', 1],
  ['-7', -7],
  ['007', 7],
  ['', undefined],
  [' 1', undefined],
  ['1.0', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['9007199254740993', undefined],
])('%j as an integer is %p', (text, value) => {
  expect(parseInteger(text)).toBe(value);
});
