import { PassThrough } from 'node:stream';
import { OpenStreams } from '../../../src/serve/open-streams.ts';

const closed = (stream: PassThrough): Promise<unknown> => new Promise((resolve) => stream.once('close', resolve));

test('ends what it holds, after its last word', async () => {
  const streams = new OpenStreams();
  const [first, second] = [new PassThrough(), new PassThrough()];
  streams.hold(first);
  streams.hold(second, () => second.write('last word'));
  expect(streams.size).toBe(2);
  const ended = Promise.all([closed(first.resume()), closed(second)]);
  const chunks: string[] = [];
  second.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  streams.endAll();
  await ended;
  expect(chunks).toEqual(['last word']);
  expect(streams.size).toBe(0);
});

test('forgets a stream that ended otherwise, and its last word', async () => {
  const streams = new OpenStreams();
  const [destroyed, ended] = [new PassThrough(), new PassThrough()];
  const lastWord = jest.fn();
  for (const stream of [destroyed, ended]) streams.hold(stream, lastWord);
  const gone = Promise.all([closed(destroyed), closed(ended)]);
  destroyed.destroy();
  ended.resume().end();
  await gone;
  expect(streams.size).toBe(0);
  streams.endAll();
  expect(lastWord).not.toHaveBeenCalled();
});

test('ends at once what comes after the end', async () => {
  const streams = new OpenStreams();
  streams.endAll();
  const late = new PassThrough();
  const gone = closed(late.resume());
  streams.hold(late);
  await gone;
  expect(streams.size).toBe(0);
});
