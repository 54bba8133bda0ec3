import { similarTo } from '../../../src/command/similar.ts';

const NAMES = ['key-disabled', 'key-exists', 'key-not-found', 'keystore-not-found', 'sealed', 'internal'];

test.each([
  ['key-disbled', ['key-disabled']],
  ['key-exisst', ['key-exists']],
  ['saeled', ['sealed']],
  ['not-found', ['key-not-found', 'keystore-not-found']],
  ['something-else', []],
  ['', []],
])('R-CMD-06 %p was probably meant to be %j', (word, expected) => {
  expect(similarTo(word, NAMES)).toEqual(expected);
});
