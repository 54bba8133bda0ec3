import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';

import { readBoundedFile } from '../../../src/config/bounded-file.ts';
import { Secret } from '../../../src/config/secret.ts';
import {
  MAX_SOURCE_BYTES,
  readSourceRef,
  SourceRefError,
  type SourceReaders,
  type SourceRef,
} from '../../../src/config/source-ref.ts';

const CANARY = 'canary-7f3a91';

describe('readSourceRef', () => {
  let directory: string;
  const readers: SourceReaders = { readFile: readBoundedFile, environment: { ROLE: 'from-env', EMPTY: '' } };

  const file = (content: string | Buffer, options: { format?: 'json' | 'yaml' | 'binary'; jsonPath?: string } = {}) => {
    const path = join(directory, 'value');
    writeFileSync(path, content);
    return { source: 'file', file: { path, ...options } } as const satisfies SourceRef;
  };
  const read = async (ref: SourceRef, with_ = readers): Promise<string> => (await readSourceRef(ref, with_)).reveal();
  const failure = async (ref: SourceRef, with_ = readers): Promise<SourceRefError> => {
    const error: unknown = await readSourceRef(ref, with_).catch((reason: unknown) => reason);
    if (!(error instanceof SourceRefError)) throw new Error('expected a SourceRefError');
    return error;
  };

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'source-ref-'));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test('reads an embedded value and an environment variable', async () => {
    expect(await read({ source: 'embedded', value: new Secret('inline') })).toBe('inline');
    expect(await read({ source: 'env', env: 'ROLE' })).toBe('from-env');
  });

  test.each([
    ['as it is', 'abc', 'abc'],
    ['without one line feed', 'abc\n', 'abc'],
    ['without one CR LF', 'abc\r\n', 'abc'],
    ['and keeps the rest', ' a\nb\n\n', ' a\nb\n'],
  ])('R-CONF-11 takes a file %s', async (_name, content, value) => {
    for (const format of ['yaml', 'binary'] as const) expect(await read(file(content, { format }))).toBe(value);
    expect(await read(file(content))).toBe(value);
  });

  test('selects a text member of a JSON file', async () => {
    const ref = file(JSON.stringify({ auth: { 'secret-id': 's3\n' } }), {
      format: 'json',
      jsonPath: "$.auth['secret-id']",
    });
    expect(await read(ref)).toBe('s3');
  });

  test('R-CONF-10 a file that was replaced is seen by the next read', async () => {
    const ref = file('old');
    expect(await read(ref)).toBe('old');
    const next = join(directory, 'next');
    writeFileSync(next, 'new\n');
    renameSync(next, ref.file.path);
    expect(await read(ref)).toBe('new');
  });

  test('R-CONF-11 a file seen half written is read until two reads agree', async () => {
    const contents = ['', 'ab', 'abcd\n', 'abcd\n', 'unread'];
    const readFile = (): Promise<Buffer> => Promise.resolve(Buffer.from(contents.shift() ?? ''));
    expect(await read({ source: 'file', file: { path: '/f' } }, { ...readers, readFile })).toBe('abcd');
    expect(contents).toEqual(['unread']);
  });

  test('R-CONF-11 a file that never stands still is an error', async () => {
    let count = 0;
    const readFile = (): Promise<Buffer> => Promise.resolve(Buffer.from(`${CANARY}-${(count += 1)}`));
    const error = await failure({ source: 'file', file: { path: '/f' } }, { ...readers, readFile });
    expect(error.reason).toBe('changing');
  });

  test.each([
    ['unset', (): SourceRef => ({ source: 'env', env: 'NOT_SET' })],
    ['unset', (): SourceRef => ({ source: 'env', env: 'constructor' })],
    ['empty', (): SourceRef => ({ source: 'env', env: 'EMPTY' })],
    ['empty', (): SourceRef => file('\n')],
    ['unreadable', (): SourceRef => ({ source: 'file', file: { path: join(directory, 'none') } })],
    ['unreadable', (): SourceRef => ({ source: 'file', file: { path: directory } })],
    ['too-large', (): SourceRef => file(Buffer.alloc(MAX_SOURCE_BYTES + 1, CANARY))],
    ['not-text', (): SourceRef => file(Buffer.concat([Buffer.from(CANARY), Buffer.from([0xff])]))],
    ['not-text', (): SourceRef => file(`{"${CANARY}`, { format: 'json', jsonPath: '$.a' })],
    ['no-such-member', (): SourceRef => file(`{"b":"${CANARY}"}`, { format: 'json', jsonPath: '$.a' })],
    ['no-such-member', (): SourceRef => file(`{"a":["${CANARY}"]}`, { format: 'json', jsonPath: '$.a' })],
    ['no-such-member', (): SourceRef => file(`{"a":"${CANARY}"}`, { format: 'json', jsonPath: '$.__proto__' })],
  ])('R-SEC-03 a value that is %s is an error without content', async (reason, ref) => {
    const error = await failure(ref());
    expect(error.reason).toBe(reason);
    expect(`${error.message}${JSON.stringify(error)}${String(error.cause)}`).not.toContain(CANARY);
  });

  test('R-CONF-11 the largest file that is allowed is read', async () => {
    expect(await read(file('x'.repeat(MAX_SOURCE_BYTES)))).toHaveLength(MAX_SOURCE_BYTES);
  });

  test('reads any JSON text back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, unit: 'binary' }), async (text) => {
        fc.pre(!/\r?\n$/.test(text));
        expect(await read(file(JSON.stringify([text]), { format: 'json', jsonPath: '$[0]' }))).toBe(text);
      }),
      { numRuns: 30 },
    );
  });
});
