import fc from 'fast-check';
import { ProtocolError } from '../../../plugin-protocol/errors.ts';
import { createHclogReader, HCLOG_LEVELS, HCLOG_LINE_LIMIT, type HclogEntry } from '../../../plugin-protocol/hclog.ts';
import { KeystoreError } from '../../../src/keystore/errors.ts';
import { createLogger } from '../../../src/logging/logger.ts';

/** What a host reads of the lines, each of which must be one line, in hclog's form, and well below the limit. */
function recorder(options: Parameters<typeof createLogger>[0] = {}) {
  const lines: string[] = [];
  const log = createLogger({ ...options, write: (line) => void lines.push(line) });
  const entries = (): HclogEntry[] =>
    lines.map((line) => {
      expect(line).toMatch(/^\{[^\n]*\}\n$/);
      expect(Buffer.byteLength(line)).toBeLessThan(HCLOG_LINE_LIMIT);
      const values = JSON.parse(line) as Record<string, unknown>;
      expect(values).toMatchObject({
        '@level': expect.any(String) as string,
        '@message': expect.any(String) as string,
        '@timestamp': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string,
        '@module': 'keystoreop-openbao',
      });
      for (const value of Object.values(values))
        expect(['string', 'number', 'boolean', 'null']).toContain(kindOf(value));
      return createHclogReader().read(line);
    });
  return { log, lines, entries, fields: () => entries().at(-1)!.fields };
}

const kindOf = (value: unknown): string => (value === null ? 'null' : typeof value);

test.each(HCLOG_LEVELS)('P37, P38: a line at %s', (level) => {
  const { log, entries } = recorder();
  log[level]({ count: 1, done: true, text: 'x', none: null }, 'hello');
  const [entry] = entries();
  expect(entry).toMatchObject({
    level,
    message: 'hello',
    module: 'keystoreop-openbao',
    structured: true,
    fields: { count: 1, done: true, text: 'x', none: null },
  });
  expect(Math.abs(Date.now() - Date.parse(entry!.timestamp!))).toBeLessThan(60_000);
});

test('levels below the own one are not written', () => {
  const { log, entries } = recorder({ level: 'warn' });
  for (const level of HCLOG_LEVELS) log[level]({}, level);
  expect(entries().map(({ message }) => message)).toEqual(['warn', 'error']);
});

test('a child adds its fields, the line its own', () => {
  const { log, entries } = recorder();
  const child = log.child({ rpc: 'Encrypt', try: 1 }).child({ request_id: 'r' });
  child.info({ try: 2 }, 'm');
  log.info({}, 'parent');
  expect(entries().map(({ fields }) => fields)).toEqual([{ rpc: 'Encrypt', try: 2, request_id: 'r' }, {}]);
});

describe('P39 R-PROC-41: nothing that is logged breaks the line', () => {
  test.each<[string, unknown, string]>([
    ['a line break', 'a\nb\r\nc', 'a\nb\r\nc'],
    ['a number', 123, '123'],
    ['undefined', undefined, 'undefined'],
    ['an object', {}, '[object Object]'],
    ['a format', '%s %d %o', '%s %d %o'],
  ])('a message that is %s', (_name, message, read) => {
    const { log, entries } = recorder();
    log.info({}, message as string);
    expect(entries()[0]!.message).toBe(read);
  });

  test.each([
    ['100 KiB of ASCII', 'x'],
    ['100 KiB of control characters', '\u0001'],
    ['100 KiB of three-byte characters', '€'],
    ['100 KiB of halves of pairs', '\ud800'],
  ])('%s in the message and in many fields', (_name, character) => {
    const text = character.repeat(100 * 1024);
    const { log, entries } = recorder();
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`field${index}`, text]));
    log.child(many).error({ ...many, [text]: text }, text);
    const [entry] = entries();
    expect(entry!.message.startsWith(character.repeat(4000))).toBe(true);
    expect(entry!.fields.field0).toMatch(/…$/);
    expect(entry!.fields.omitted_fields).toBeGreaterThan(0);
  });

  test("fields cannot take the place of hclog's keys, in a child or in a line", () => {
    const { log, lines, entries } = recorder();
    const forged = { '@level': 'off', '@message': 1, '@timestamp': 2, '@module': 3 };
    log.child(forged).warn(forged, 'true');
    expect(entries()[0]).toMatchObject({ level: 'warn', message: 'true', module: 'keystoreop-openbao' });
    for (const key of Object.keys(forged)) expect(lines[0]!.split(`"${key}"`)).toHaveLength(2);
  });

  test('fields with dangerous names stay fields', () => {
    const { log, lines } = recorder();
    log.info(
      JSON.parse('{"__proto__":"a","constructor":"b","toJSON":"c","method":"d","headers":"e","socket":"f"}') as object,
      'm',
    );
    expect(lines[0]).toContain(
      '"__proto__":"a","constructor":"b","toJSON":"c","method":"d","headers":"e","socket":"f"',
    );
  });

  test('values of every kind become flat', () => {
    const { log, fields } = recorder();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const throwing = {
      toJSON(): never {
        throw new Error('no');
      },
    };
    log.info(
      {
        big: 10n ** 30n,
        nan: NaN,
        infinite: -Infinity,
        date: new Date('2026-01-02T03:04:05Z'),
        noDate: new Date(NaN),
        list: [1, 'a', { b: null }, 2n],
        circular,
        throwing,
        nothing: undefined,
        call: () => 1,
        symbol: Symbol('s'),
        silent: { toJSON: () => undefined },
      },
      'm',
    );
    expect(fields()).toEqual({
      big: '1000000000000000000000000000000',
      nan: 'NaN',
      infinite: '-Infinity',
      date: '2026-01-02T03:04:05.000Z',
      noDate: 'invalid date',
      list: '[1,"a",{"b":null},"2"]',
      circular: '[unprintable]',
      throwing: '[unprintable]',
      silent: '[unprintable]',
    });
  });

  test('any JSON value in any place', () => {
    const { log, entries } = recorder();
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.anything({ maxDepth: 0 }), (given, message) => {
        log.info(given, message as string);
      }),
    );
    expect(entries().length).toBeGreaterThan(0);
  });
});

describe('secrets stay out', () => {
  test('bytes show only their number, wherever they are', () => {
    const { log, lines, fields } = recorder();
    const secret = Buffer.from('s3cr3t');
    log.info(
      { secret, nested: { secret, list: [secret] }, view: new Uint8Array(secret), array: secret.buffer.slice(0, 6) },
      'm',
    );
    expect(fields()).toEqual({
      secret: '"[6 bytes]"',
      nested: '{"secret":"[6 bytes]","list":["[6 bytes]"]}',
      view: '"[6 bytes]"',
      array: '{}',
    });
    expect(lines.join()).not.toContain('115,51,99');
  });

  test('of a foreign error only name, message and stack are read', () => {
    const { log, lines, fields } = recorder();
    const error = Object.assign(new TypeError('connect failed', { cause: new Error('canary') }), {
      response: { headers: { 'x-vault-token': 'canary' } },
      details: 'canary',
      code: 'canary',
      requestOptions: { json: { plaintext: 'canary' } },
    });
    log.error({ err: error, nested: { error }, list: [error] }, 'm');
    expect(lines.join()).not.toContain('canary');
    expect(fields()).toEqual({
      err: 'connect failed',
      err_name: 'TypeError',
      err_stack: expect.stringContaining('TypeError: connect failed\n') as string,
      nested: '{"error":"connect failed"}',
      list: '["connect failed"]',
    });
  });

  test('our own errors show class or code and details', () => {
    const { log, fields } = recorder();
    log.warn({ err: new KeystoreError('sealed', 'OpenBao is sealed', { httpStatus: 503 }) }, 'm');
    expect(fields()).toMatchObject({
      err: 'OpenBao is sealed',
      err_class: 'sealed',
      err_details: '{"httpStatus":503}',
    });
    log.warn({ err: new ProtocolError('ERR_ADDRESS', 'bad address') }, 'm');
    expect(fields()).toMatchObject({ err: 'bad address', err_name: 'ProtocolError', err_code: 'ERR_ADDRESS' });
  });
});
