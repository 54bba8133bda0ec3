import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLineBuffer } from '../../../src/logging/line-buffer.ts';

function recorded() {
  const writes: string[] = [];
  return { writes, buffer: createLineBuffer((lines) => writes.push(lines)) };
}

test('lines of one turn of the event loop are one write, in their order', async () => {
  const { writes, buffer } = recorded();
  buffer.write('a\n');
  buffer.write('b\n');
  expect(writes).toEqual([]);
  await nextTurn();
  expect(writes).toEqual(['a\nb\n']);
  buffer.write('c\n');
  await nextTurn();
  expect(writes).toEqual(['a\nb\n', 'c\n']);
});

test('flush writes what waits at once, and nothing twice', async () => {
  const { writes, buffer } = recorded();
  buffer.write('a\n');
  buffer.flush();
  buffer.flush();
  expect(writes).toEqual(['a\n']);
  await nextTurn();
  expect(writes).toEqual(['a\n']);
});

test('many lines do not wait for the end of the turn', () => {
  const { writes, buffer } = recorded();
  for (let count = 0; count < 20; count += 1) buffer.write(`${'x'.repeat(8_000)}\n`);
  expect(writes.length).toBeGreaterThan(1);
  for (const lines of writes) expect(lines.endsWith('\n')).toBe(true);
});
