import { collectGarbage } from '../../support/collect-garbage.ts';
import { until } from '../../support/until.ts';
import { load, logged, type LogEntry, type Stage } from './host-fixture.ts';

const MEBIBYTE = 1024 * 1024;

describe('what a plugin writes', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await load('good.ts');
    await stage.plugin.ready();
  });

  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  const write = async (text: string): Promise<void> => {
    await stage.plugin.client.test.write({ stream: 'stderr', text: `${text}\n` });
  };

  test('H14 H15 L5 R-HOST-09 128 MiB without a line feed on either stream neither stall nor stay', async () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const stream of ['stdout', 'stderr'] as const) {
      await stage.plugin.client.test.write({ stream, bytes: 128 * MEBIBYTE });
    }
    await write('');
    // V8 gives buffers back behind a collection, in a thread of its own.
    await until('what was written is let go', () => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before < 16 * MEBIBYTE;
    });
    await expect(stage.plugin.client.test.echo({ text: 'on' })).resolves.toEqual({ text: 'on' });
  });

  test('H17 a long line is cut, the next one is whole', async () => {
    const long = `long ${'y'.repeat(MEBIBYTE)}`;
    await write(`${long}\nafter the long line`);
    await logged(stage.log, 'after the long line');
    const entry = stage.log.find(({ message }) => message.startsWith('long '));
    expect(entry).toMatchObject({ level: 'debug', truncated: true });
    expect(entry?.message).toBe(long.slice(0, 64 * 1024));
  });

  test.each(['trace', 'debug', 'info', 'warn', 'error'])('H15 L5 R-HOST-09 level %s is kept', async (level) => {
    const message = `at ${level}`;
    const fields = { '@module': 'keys', key_id: 'k', plugin: 'forged', nested: { deep: [1] } };
    const line = { '@level': level, '@message': message, '@timestamp': '2026-01-02T03:04:05.000006Z', ...fields };
    await write(JSON.stringify(line));
    expect(await logged(stage.log, message)).toEqual({
      level,
      message,
      plugin: 'TEST',
      stream: 'stderr',
      module: 'keys',
      timestamp: '2026-01-02T03:04:05.000006Z',
      fields: { key_id: 'k', plugin: 'forged', nested: { deep: [1] } },
    });
  });

  test.each(['.123', '.123456789'])('H16 a time with the fraction %s keeps its level', async (fraction) => {
    const message = `fraction ${fraction}`;
    await write(
      JSON.stringify({ '@level': 'warn', '@message': message, '@timestamp': `2026-01-02T03:04:05${fraction}Z` }),
    );
    expect(await logged(stage.log, message)).toMatchObject({ level: 'warn' });
  });

  test('H15 R-HOST-09 values of any type are survived', async () => {
    const hostile = [
      '{"@level":"error","@message":123}',
      '{"@level":7}',
      'null',
      '[1]',
      '"text"',
      '{"__proto__":{"x":1}}',
    ];
    await write(hostile.join('\n'));
    await write('[WARN] the end of the hostile lines');
    expect(await logged(stage.log, '[WARN] the end of the hostile lines')).toMatchObject({ level: 'warn' });
    expect(stage.log).toContainEqual(expect.objectContaining({ level: 'error', message: '123' }));
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

test('H18 a panic is an error, and so is what follows it', async () => {
  await using stage = await load('good.ts');
  await stage.plugin.ready();
  const text = 'plain before\npanic: runtime error\n\ngoroutine 1 [running]:';
  await stage.plugin.client.test.exit({ exitCode: 2, text }).catch(() => undefined);
  const levels = (entries: LogEntry[], message: string): string | undefined =>
    entries.find((entry) => entry.message === message)?.level;
  await logged(stage.log, 'goroutine 1 [running]:');
  expect(levels(stage.log, 'plain before')).toBe('debug');
  expect(levels(stage.log, 'panic: runtime error')).toBe('error');
  expect(levels(stage.log, 'goroutine 1 [running]:')).toBe('error');
});

test('H19 stdio is opened once, before Init, and drained', async () => {
  await using stage = await load('chatty-stdio.ts');
  await stage.plugin.ready();
  while (stage.log.filter(({ message }) => message === 'through stdio').length < 20_000) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(stage.log).toContainEqual(
    expect.objectContaining({ level: 'warn', message: 'through stdio', stream: 'stdio stderr' }),
  );
  const opened = stage.log
    .map(({ message }) => message)
    .filter((text) => /^(?:StartStream|StreamStdio|Init)$/.test(text));
  expect(opened.toSorted()).toEqual(['Init', 'StartStream', 'StreamStdio']);
  expect(opened.at(-1)).toBe('Init');
});
