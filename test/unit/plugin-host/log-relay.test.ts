import { createLogRelay, type HostLogger } from '../../../plugin-host/log-relay.ts';

type Entry = [level: string, fields: object, message: string];

function record(entries: Entry[]): HostLogger {
  const at = (level: string) => (fields: object, message: string) => {
    entries.push([level, fields, message]);
  };
  const logger: HostLogger = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

describe('log relay', () => {
  test('each stream has its own panic, all share the last lines', () => {
    const entries: Entry[] = [];
    const relay = createLogRelay(record(entries));
    const stderr = relay.sink('stderr');
    const stdio = relay.sink('stdio stderr');
    stderr.write(Buffer.from('panic: boom\ntrace\n'));
    stdio.write(Buffer.from('calm\n\nunfinished'));
    stdio.end();
    expect(entries).toEqual([
      ['error', { stream: 'stderr' }, 'panic: boom'],
      ['error', { stream: 'stderr' }, 'trace'],
      ['debug', { stream: 'stdio stderr' }, 'calm'],
      ['debug', { stream: 'stdio stderr' }, 'unfinished'],
    ]);
    expect(relay.lastLines()).toEqual(['panic: boom', 'trace', 'calm', 'unfinished']);
  });

  test('the last lines are few and short', () => {
    const relay = createLogRelay(record([]));
    const sink = relay.sink('stderr');
    for (let count = 0; count < 100; count += 1) sink.write(Buffer.from(`${count} ${'x'.repeat(10_000)}\n`));
    const lines = relay.lastLines();
    expect(lines).toHaveLength(20);
    expect(lines.at(-1)).toBe(`99 ${'x'.repeat(497)}…`);
  });
});
