import { collectGarbage } from '../../support/collect-garbage.ts';
import { buildGoPrograms, describeWithGo, type GoPrograms } from '../../support/go.ts';
import { until } from '../../support/until.ts';
import { logged, type LogEntry } from '../../process/plugin-host/host-fixture.ts';
import { type MemoryHost, startMemoryHost } from './memory-host.ts';

const BUILD_MS = 600_000;
const MEBIBYTE = 1024 * 1024;
const LONGEST_LINE = 64 * 1024;

describeWithGo('what a plugin in Go writes', () => {
  let programs: GoPrograms;
  let host: MemoryHost;

  beforeAll(async () => {
    programs = buildGoPrograms();
    host = await startMemoryHost(programs);
    await host.plugin.ready();
  }, BUILD_MS);

  afterAll(() => host[Symbol.asyncDispose]());

  // Serve hands fmt.Print and log.Print to a pipe behind the stdio stream; 1 and 2 are still the process's own.
  test.each([
    ['H14 L5 file descriptor 1', 'descriptor 1', undefined],
    ['H15 L5 file descriptor 2', 'descriptor 2', 'stderr'],
    ['H19 L5 os.Stdout', 'stdout', 'stdio stdout'],
    ['H19 L5 os.Stderr', 'stderr', 'stdio stderr'],
  ])('%s: 1 MiB without a line feed, many times, does not block it', async (_name, stream, told) => {
    for (let round = 0; round < 16; round += 1) await host.act({ do: 'print', stream, bytes: MEBIBYTE });
    await host.call();
    collectGarbage();
    await host.act({ do: 'print', stream, text: `\n[WARN] the end of ${stream}\n` });
    if (told === undefined) return;
    expect(await logged(host.log, `[WARN] the end of ${stream}`)).toMatchObject({ level: 'warn', stream: told });
    const long = host.log.filter((entry) => entry.stream === told && entry.truncated === true);
    expect(long.map(({ level, message }) => [level, message.length])).toEqual([['debug', LONGEST_LINE]]);
  });

  test('H15 L5 the five levels of hclog stay what they are, with module, time and values', async () => {
    await host.act({ do: 'log', text: 'a\ntext' });
    await logged(host.log, 'at error');
    const entries = host.log.filter(({ message }) => /^at \w+$/.test(message));
    expect(entries).toEqual(
      ['trace', 'debug', 'info', 'warn', 'error'].map((level) => ({
        level,
        message: `at ${level}`,
        plugin: 'MEMORY',
        stream: 'stderr',
        module: 'keys',
        timestamp: expect.stringMatching(/\.\d{6}(?:Z|[+-]\d\d:\d\d)$/) as string,
        fields: { text: 'a\ntext', number: 7, flag: true },
      })),
    );
  });

  test('H15 lines that are no log of hclog’s are survived', async () => {
    const lines = ['{"@level":"error","@message":123}', '{"@level":7}', 'null', '{"@message":{}}', '[ERROR] marked'];
    await host.act({ do: 'print', stream: 'descriptor 2', text: `${lines.join('\n')}\n` });
    expect(await logged(host.log, '[ERROR] marked')).toMatchObject({ level: 'error' });
    expect(host.log).toContainEqual(expect.objectContaining({ level: 'error', message: '123' }));
    await host.call();
  });

  test('H18 L5 a panic is an error, line by line, and the reason of the fall', async () => {
    await using doomed = await startMemoryHost(programs);
    await doomed.plugin.ready();
    const fallen = { code: 'ERR_PLUGIN_EXITED', details: { exitCode: 2 } };
    await expect(doomed.act({ do: 'panic', text: 'out of keys' })).rejects.toMatchObject(fallen);
    const levelOf = (text: string): LogEntry['level'] | undefined =>
      doomed.log.find(({ message }) => message.startsWith(text))?.level;
    await until('the end of the panic', () => levelOf('goroutine ') !== undefined);
    expect(levelOf('panic: out of keys')).toBe('error');
    expect(levelOf('goroutine ')).toBe('error');
    expect(doomed.plugin.status().lastCrash).toMatchObject({
      exitCode: 2,
      lastStderr: expect.arrayContaining([expect.stringContaining('main.')]) as unknown,
    });
  });
});
