import { createPrivateKey } from 'node:crypto';

/** A secret that must be seen nowhere, and a name of it that may be said. */
export interface Canary {
  readonly name: string;
  readonly value: string | Buffer;
}

interface Spelling {
  /** The texts that bytes become; several where that depends on what stands before them, or on taste. */
  readonly of: (bytes: Buffer) => readonly string[];
  /** Characters of some sixteen bytes, which are as good as the whole. */
  readonly part: number;
}

/** How bytes come to be written, on purpose or by accident. */
export const SPELLINGS: Readonly<Record<string, Spelling>> = {
  raw: { part: 16, of: (bytes) => [bytes.toString('latin1'), bytes.toString('utf8')] },
  base64: { part: 24, of: (bytes) => shifted(bytes, 'base64') },
  base64url: { part: 24, of: (bytes) => shifted(bytes, 'base64url') },
  hex: { part: 32, of: (bytes) => [hex(bytes), hex(bytes).toUpperCase()] },
  'bytes as Node prints them': { part: 48, of: (bytes) => [hex(bytes).replace(/..(?!$)/g, '$& ')] },
  'bytes as JSON': { part: 60, of: (bytes) => [[...bytes].join(','), [...bytes].join(', ')] },
  'URL-encoded': { part: 48, of: (bytes) => [percent(bytes), percent(bytes).toLowerCase()] },
  'URL-encoded where need be': { part: 16, of: (bytes) => [encodeURIComponent(bytes.toString('latin1'))] },
  'JSON-escaped': { part: 16, of: (bytes) => [escaped(bytes.toString()), escaped(escaped(bytes.toString()))] },
};

/** What has fewer bytes is no secret. */
const SHORTEST = 16;
// A part with fewer different characters may well be no part of a secret.
const MIN_DIFFERENT = 6;
// Of something long its beginning and its end stand for it.
const LONG = 512;

/** Looks through a text, and tells the name and the spelling of each canary in it. */
export type Search = (text: string) => readonly string[];

/**
 * Makes the search for canaries and for parts of them that are no accident: a fragment that is a quarter longer than the
 * part of its spelling is found wherever it was cut off. A fragment that goes over a line break is not.
 *
 * @throws Error for a canary that cannot be told from what is written anyway; see {@link isDistinct}
 */
export function searchFor(canaries: readonly Canary[]): Search {
  const names = new Map<number, Map<string, Set<string>>>();
  for (const { name, value } of canaries) {
    const bytes = toBytes(value);
    if (!isDistinct(bytes)) throw new Error(`${name} cannot be searched for`);
    const ends = bytes.length <= 2 * LONG ? [bytes] : [bytes.subarray(0, LONG), bytes.subarray(-LONG)];
    for (const [spelling, { of, part: length }] of Object.entries(SPELLINGS)) {
      const known = names.get(length) ?? new Map<string, Set<string>>();
      names.set(length, known);
      for (const part of ends.flatMap(of).flatMap((text) => partsOf(text, length))) {
        known.set(part, (known.get(part) ?? new Set()).add(`${name}, ${spelling}`));
      }
    }
  }
  return (text) => {
    const found = new Set<string>();
    // Errors are many and much alike.
    for (const line of new Set(text.split('\n'))) {
      for (const [length, known] of names) {
        for (let at = 0; at + length <= line.length; at += 1) {
          for (const name of known.get(line.slice(at, at + length)) ?? []) found.add(name);
        }
      }
    }
    return [...found];
  };
}

/** Whether something can be told from what is written anyway. */
export function isDistinct(value: string | Buffer): boolean {
  const bytes = toBytes(value);
  return bytes.length >= SHORTEST && new Set(bytes).size > MIN_DIFFERENT;
}

/** A private key: its text, the lines of it, and its numbers, which know no lines. */
export function keyCanaries(pem: string): readonly Canary[] {
  const lines = pem.split('\n').filter((line) => line.length >= SHORTEST && !line.startsWith('-----'));
  const { d, dp, dq, p, q, qi } = createPrivateKey(pem).export({ format: 'jwk' });
  const numbers = [d, dp, dq, p, q, qi].filter((number) => number !== undefined);
  return [
    ...[pem, ...lines].map((value) => ({ name: 'private key', value })),
    ...numbers.map((number) => ({ name: 'number of a private key', value: Buffer.from(number, 'base64url') })),
  ];
}

function toBytes(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

function partsOf(text: string, length: number): string[] {
  const starts = Array.from(
    { length: Math.floor((text.length - length) / (length / 4)) + 1 },
    (_, n) => n * (length / 4),
  );
  const parts = [...starts, text.length - length].map((start) => text.slice(Math.max(0, start), start + length));
  return parts.filter((part) => part.length === length && new Set(part).size >= MIN_DIFFERENT);
}

// Base64 of something inside of something else: three bytes become four characters, so there are three ways to be cut.
function shifted(bytes: Buffer, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString(encoding)
      .replace(/=+$/, '');
    // The characters at the ends hold bits of the neighbours, too.
    return text.slice(before === 0 ? 0 : before + 1, (before + bytes.length) % 3 === 0 ? undefined : -1);
  });
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex');
}

function percent(bytes: Buffer): string {
  return hex(bytes).toUpperCase().replace(/../g, '%$&');
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
