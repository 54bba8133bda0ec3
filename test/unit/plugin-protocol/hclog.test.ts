import fc from 'fast-check';
import { createHclogReader, formatHclogTimestamp } from '../../../plugin-protocol/hclog.ts';
import { LOG_LINES } from '../../vectors/protocol.ts';

test.each(LOG_LINES.lines)('reads: $name', ({ line, entry, fields }) => {
  const read = createHclogReader().read(line);
  if (entry !== null) expect(read).toStrictEqual(entry);
  else expect(JSON.stringify(read.fields)).toBe(fields);
});

test.each(LOG_LINES.sequences)('H18: $name', ({ lines }) => {
  const reader = createHclogReader();
  expect(lines.map(({ line }) => reader.read(line).level)).toEqual(lines.map(({ level }) => level));
});

test('a panic in one stream says nothing of another', () => {
  createHclogReader().read('panic: boom');
  expect(createHclogReader().read('text').level).toBe('debug');
});

test('H15: no line makes it fail, and every entry has a level and a text', () => {
  const json = fc.json().map((text) => text);
  const hclogLike = fc
    .record({
      '@level': fc.jsonValue(),
      '@message': fc.jsonValue(),
      '@timestamp': fc.jsonValue(),
      '@module': fc.jsonValue(),
    })
    .map((value) => JSON.stringify(value));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), json, hclogLike), (line) => {
      const { level, message } = createHclogReader().read(line);
      expect(level).toMatch(/^(trace|debug|info|warn|error)$/);
      expect(typeof message).toBe('string');
    }),
    { numRuns: 1000 },
  );
});

test('a megabyte on one line is read', () => {
  const message = 'x'.repeat(1 << 20);
  expect(createHclogReader().read(JSON.stringify({ '@level': 'warn', '@message': message }))).toMatchObject({
    level: 'warn',
    message,
  });
});

test('timestamps have exactly six fraction digits in UTC', () => {
  expect(formatHclogTimestamp(new Date('2026-01-02T03:04:05.006Z'))).toBe('2026-01-02T03:04:05.006000Z');
  expect(formatHclogTimestamp(new Date('2026-01-02T03:04:05+01:00'))).toBe('2026-01-02T02:04:05.000000Z');
  const dates = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(dates, (date) => {
      const timestamp = formatHclogTimestamp(date);
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(Date.parse(timestamp)).toBe(date.getTime());
      const line = JSON.stringify({ '@level': 'info', '@message': 'm', '@timestamp': timestamp });
      expect(createHclogReader().read(line).timestamp).toBe(timestamp);
    }),
  );
});
