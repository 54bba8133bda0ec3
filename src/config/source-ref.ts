import { parseJsonPath, selectJson } from './json-path.ts';
import { Secret } from './secret.ts';

/**
 * Where a value comes from, in the shapes of OpenKCM's common-sdk: the text itself, an environment variable, or a file
 * (the whole text, or one member of a JSON document).
 */
export type SourceRef =
  | { readonly source: 'embedded'; readonly value: Secret }
  | { readonly source: 'env'; readonly env: string }
  | { readonly source: 'file'; readonly file: SourceFile };

/** `yaml` and `binary` both mean the whole file; `jsonPath` goes with `json` only. */
export interface SourceFile {
  readonly path: string;
  readonly format?: 'json' | 'yaml' | 'binary';
  readonly jsonPath?: string;
}

/** What a {@link SourceRef} may be read with. */
export interface SourceReaders {
  /** Returns at most `maxBytes + 1` bytes; see `readBoundedFile`. */
  readonly readFile: (path: string, maxBytes: number) => Promise<Uint8Array>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Why a value could not be had. */
export type SourceRefReason =
  'unset' | 'unreadable' | 'too-large' | 'changing' | 'not-text' | 'no-such-member' | 'empty';

/** A value that could not be had. Carries where it was looked for, never what was found there. */
export class SourceRefError extends Error {
  override readonly name = 'SourceRefError';
  readonly reason: SourceRefReason;

  constructor(reason: SourceRefReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Largest file that is read, in bytes. */
export const MAX_SOURCE_BYTES = 1024 * 1024;

const MAX_READS = 5;

/**
 * Reads the value, anew at every call: a file that was replaced takes effect at the next login. One trailing line break
 * is no part of the value.
 *
 * @throws SourceRefError when there is no value or an empty one.
 */
export async function readSourceRef(ref: SourceRef, readers: SourceReaders): Promise<Secret> {
  switch (ref.source) {
    case 'embedded':
      return value(ref.value.reveal(), 'the embedded value');
    case 'env': {
      const where = `environment variable ${ref.env}`;
      const text = Object.hasOwn(readers.environment, ref.env) ? readers.environment[ref.env] : undefined;
      if (text === undefined) throw new SourceRefError('unset', `${where} is not set`);
      return value(text, where);
    }
    case 'file': {
      const where = `file ${ref.file.path}`;
      const text = decodeUtf8(await readStable(ref.file.path, where, readers), where);
      const { jsonPath } = ref.file;
      return value(jsonPath === undefined ? text : selectMember(text, jsonPath, where), where);
    }
  }
}

// A writer that does not replace files atomically may be seen halfway; two equal reads in a row are taken as whole.
async function readStable(path: string, where: string, readers: SourceReaders): Promise<Uint8Array> {
  let previous: Uint8Array | undefined;
  for (let count = 0; count < MAX_READS; count += 1) {
    const bytes = await readers.readFile(path, MAX_SOURCE_BYTES).catch((error: unknown) => {
      throw new SourceRefError('unreadable', `${where} cannot be read (${systemCode(error)})`);
    });
    if (bytes.length > MAX_SOURCE_BYTES) {
      throw new SourceRefError('too-large', `${where} is larger than ${MAX_SOURCE_BYTES} bytes`);
    }
    if (previous !== undefined && Buffer.compare(previous, bytes) === 0) return bytes;
    previous = bytes;
  }
  throw new SourceRefError('changing', `${where} keeps changing while it is read`);
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SourceRefError('not-text', `${where} is not UTF-8 text`);
  }
}

function selectMember(text: string, jsonPath: string, where: string): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new SourceRefError('not-text', `${where} is not JSON`);
  }
  const member = selectJson(document, parseJsonPath(jsonPath) ?? []);
  if (typeof member !== 'string') {
    throw new SourceRefError('no-such-member', `${where} has no text at ${jsonPath}`);
  }
  return member;
}

function value(text: string, where: string): Secret {
  const trimmed = text.replace(/\r?\n$/, '');
  if (trimmed === '') throw new SourceRefError('empty', `${where} is empty`);
  return new Secret(trimmed);
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown reason';
}
