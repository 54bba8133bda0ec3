import fc from 'fast-check';

import { createLayout, definitions, indented, wrap } from '../../../src/command/layout.ts';

const word = fc.stringMatching(/^[a-zé…]{1,12}$/);
const text = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(' '));

test('R-CMD-07 wrapping keeps every word, and no line is wider than it may be', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 12, max: 80 }), (value, columns) => {
      const lines = wrap(value, columns);
      expect(lines.join(' ')).toBe(value);
      for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(columns);
    }),
  );
});

test('R-CMD-07 definitions keep to the width, whatever the names', () => {
  const rows = fc.array(fc.tuple(word, text), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 40, max: 80 }), (value, columns) => {
      const lines = definitions(value, createLayout({ columns, colours: false })).split('\n');
      for (const line of lines) expect(Array.from(line).length).toBeLessThanOrEqual(columns);
    }),
  );
});

test('a word that is too wide stands alone', () => {
  expect(wrap('a verylongword b', 5)).toEqual(['a', 'verylongword', 'b']);
  expect(indented('one two', 2, 6)).toBe('  one\n  two\n');
});

test.each([
  [undefined, 80],
  [20, 40],
  [60, 60],
  [300, 80],
])('a terminal of %p columns is written to in %p', (columns, expected) => {
  expect(createLayout({ columns, colours: true }).columns).toBe(expected);
});

test('colours are for a terminal that wants them', () => {
  expect(createLayout({ columns: 80, colours: true }).paint('red', 'x')).toBe('\x1b[31mx\x1b[39m');
  expect(createLayout({ columns: 80, colours: false }).paint('red', 'x')).toBe('x');
  expect(createLayout(undefined).paint('red', 'x')).toBe('x');
});
