import { spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLineWriter, writeFully } from '../../../src/logging/descriptor.ts';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const PIPE_BYTES = 64 * 1024;

const paths: string[] = [];
afterEach(() => {
  for (const path of paths.splice(0)) rmSync(path, { recursive: true });
});

/** A pipe with a non-blocking writing end. */
async function openPipe() {
  const directory = mkdtempSync(join(tmpdir(), 'pipe-'));
  const path = join(directory, 'pipe');
  const made = spawn('mkfifo', [path]);
  await new Promise((resolve) => made.once('close', resolve));
  const reader = openSync(path, O_RDONLY | O_NONBLOCK);
  const writer = openSync(path, O_WRONLY | O_NONBLOCK);
  const read = (fd = reader): string => {
    const buffer = Buffer.alloc(4 * PIPE_BYTES);
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  };
  const reopen = (): number => openSync(path, O_RDONLY | O_NONBLOCK);
  paths.push(directory);
  return { reader, writer, read, reopen };
}

test('writes more than one write call takes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'file-'));
  const fd = openSync(join(directory, 'f'), 'w');
  const text = 'größe\n'.repeat(100_000);
  writeFully(fd, text);
  closeSync(fd);
  expect(readFileSync(join(directory, 'f'), 'utf8')).toBe(text);
  rmSync(directory, { recursive: true });
});

test('waits for a full pipe as long as told, then throws', async () => {
  const { reader, writer, read } = await openPipe();
  writeFully(writer, 'x'.repeat(PIPE_BYTES));
  const before = Date.now();
  expect(() => writeFully(writer, 'y', 30)).toThrow(/EAGAIN/);
  expect(Date.now() - before).toBeGreaterThanOrEqual(25);
  expect(read()).toBe('x'.repeat(PIPE_BYTES));
  writeFully(writer, 'z');
  expect(read()).toBe('z');
  closeSync(reader);
  closeSync(writer);
});

test('a full pipe takes the rest once it is read meanwhile', async () => {
  const { reader, writer } = await openPipe();
  // Another process empties the pipe, since writing holds this one.
  const counter = spawn('wc', ['-c'], { stdio: [reader, 'pipe', 'ignore'] });
  let counted = '';
  counter.stdout!.on('data', (chunk: Buffer) => (counted += chunk.toString()));
  try {
    writeFully(writer, 'x'.repeat(10 * PIPE_BYTES), 10_000);
  } finally {
    closeSync(writer);
    closeSync(reader);
    await new Promise((resolve) => counter.once('close', resolve));
  }
  expect(Number(counted)).toBe(10 * PIPE_BYTES);
});

test('P36: the line writer goes silent for good when the reader is gone', async () => {
  const { reader, writer, read, reopen } = await openPipe();
  const write = createLineWriter(writer);
  write('one\n');
  expect(read()).toBe('one\n');
  closeSync(reader);
  expect(() => write('two\n')).not.toThrow();
  const another = reopen();
  write('three\n');
  writeFully(writer, 'four\n');
  expect(read(another)).toBe('four\n');
  closeSync(another);
  closeSync(writer);
  expect(() => write('five\n')).not.toThrow();
  expect(() => createLineWriter(writer)('six\n')).not.toThrow();
});

test('a line that finds no room is lost, and the next one begins a line of its own', async () => {
  const { reader, writer, read } = await openPipe();
  const write = createLineWriter(writer);
  const long = `${'x'.repeat(PIPE_BYTES - 5)}\n`;
  write(long);
  write('lost line that does not fit\n');
  expect(read().startsWith(long)).toBe(true);
  write('next\n');
  write('last\n');
  expect(read()).toBe('\nnext\nlast\n');
  closeSync(reader);
  closeSync(writer);
});
