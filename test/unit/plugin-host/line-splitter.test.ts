import fc from 'fast-check';

import { createLineSplitter } from '../../../plugin-host/line-splitter.ts';

function split(chunks: readonly Buffer[], maxLineBytes = 64): { line: string; truncated: boolean }[] {
  const lines: { line: string; truncated: boolean }[] = [];
  const splitter = createLineSplitter(maxLineBytes, (line, truncated) => lines.push({ line, truncated }));
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

const whole = (...lines: string[]): { line: string; truncated: boolean }[] =>
  lines.map((line) => ({ line, truncated: false }));

describe('line splitter', () => {
  test.each([
    ['nothing', '', whole()],
    ['one line', 'one\n', whole('one')],
    ['CRLF', 'one\r\ntwo\r\n', whole('one', 'two')],
    ['empty lines', '\n\none\n', whole('', '', 'one')],
    ['an unfinished line at the end', 'one\ntwo', whole('one', 'two')],
    ['exactly the limit', `${'x'.repeat(64)}\nnext\n`, whole('x'.repeat(64), 'next')],
    ['one over the limit', `${'x'.repeat(65)}\nnext\n`, [{ line: 'x'.repeat(64), truncated: true }, ...whole('next')]],
    ['over the limit at the end', 'x'.repeat(1000), [{ line: 'x'.repeat(64), truncated: true }]],
  ])('%s', (_name, text, expected) => {
    expect(split([Buffer.from(text)])).toEqual(expected);
    expect(split(Array.from(Buffer.from(text), (byte) => Buffer.of(byte)))).toEqual(expected);
  });

  test('H17 lines do not depend on how the bytes arrive', () => {
    const text = fc.array(fc.oneof(fc.constant('\n'), fc.string({ unit: 'grapheme' })), { maxLength: 40 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(9), { maxLength: 60 }), (parts, sizes) => {
        const bytes = Buffer.from(parts.join(''));
        const chunks: Buffer[] = [];
        let start = 0;
        for (const size of sizes) {
          chunks.push(bytes.subarray(start, start + size));
          start += size;
        }
        chunks.push(bytes.subarray(start));
        expect(split(chunks)).toEqual(split([bytes]));
      }),
    );
  });
});
