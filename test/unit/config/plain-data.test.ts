import { isPlainData, isPlainObject } from '../../../src/config/plain-data.ts';

const inherited: unknown = Object.setPrototypeOf({}, { address: 'x' });
const bare: unknown = Object.create(null);

test('R-CONF-16 an object is plain when every member is its own', () => {
  for (const value of [{}, { a: 1 }, { a: inherited }]) expect(isPlainObject(value)).toBe(true);
  for (const value of [inherited, bare, [], new Map(), null, undefined, 'x', 7])
    expect(isPlainObject(value)).toBe(false);
});

test('R-CONF-16 data are plain when that holds at every depth', () => {
  for (const value of [{}, { a: [1, { b: null }] }]) expect(isPlainData(value)).toBe(true);
  for (const value of [[], { a: inherited }, { a: [bare] }, { a: [Object.setPrototypeOf([], {})] }]) {
    expect(isPlainData(value)).toBe(false);
  }
});

test('R-CONF-16 data may be as long and as deep as they like', () => {
  let deep: unknown = {};
  for (let depth = 0; depth < 100_000; depth += 1) deep = { a: deep };
  expect(isPlainData(deep)).toBe(true);
  expect(isPlainData({ a: Array.from({ length: 300_000 }, () => 0) })).toBe(true);
});
