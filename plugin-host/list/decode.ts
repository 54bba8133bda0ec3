// The entries of a `plugins:` list are decoded as CMK's loader does it (viper: names of keys without regard to case, unknown
// keys refused, values converted where it makes sense), so that a list it starts with is a list we start with.

/** A value that does not fit its key. The message has no value in it. */
class Misfit extends Error {}

type Decode = (value: unknown) => unknown;

/** What the keys of an entry are called, and what they hold. Null is the empty value of each. */
const KEYS = {
  name: text,
  type: text,
  path: text,
  args: texts,
  env: map,
  checksum: text,
  version: uint32,
  yamlConfiguration: text,
  logLevel: text,
  tags: texts,
  disabled: flag,
} as const satisfies Record<string, Decode>;

/** One entry of the list, complete: what is not given is empty, 0 or false. */
export type DecodedEntry = { readonly [Key in keyof typeof KEYS]: ReturnType<(typeof KEYS)[Key]> };

const KNOWN = new Map(Object.entries(KEYS).map(([key, decode]) => [key.toLowerCase(), { key, decode }]));

/** Decodes an entry and reports what does not fit, by key. */
export function decodeEntry(entry: unknown, report: (key: string, problem: string) => void): DecodedEntry {
  if (!isMapping(entry)) report('', 'must be a mapping');
  const decoded: Record<string, unknown> = {};
  for (const [written, value] of isMapping(entry) ? Object.entries(entry) : []) {
    const known = KNOWN.get(written.toLowerCase());
    if (!known) {
      report(written, 'is not known');
      continue;
    }
    if (Object.hasOwn(decoded, known.key)) report(written, 'is given twice');
    decoded[known.key] = decoded[known.key] ?? attempt(known.decode, value, (problem) => report(known.key, problem));
  }
  const all = Object.entries(KEYS).map(([key, decode]) => [key, decoded[key] ?? decode(null)] as const);
  return Object.fromEntries(all) as DecodedEntry;
}

function attempt(decode: Decode, value: unknown, report: (problem: string) => void): unknown {
  try {
    return decode(value);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    report(error.message);
    return undefined;
  }
}

function text(value: unknown): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return decimal(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  throw new Misfit('must be a text');
}

/** Without an exponent, as Go writes it. */
function decimal(value: number): string {
  if (!Number.isFinite(value) || !String(value).includes('e')) return String(value);
  const [digits = '', exponent = ''] = String(value).split('e');
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.');
  const sign = value < 0 ? '-' : '';
  const shift = Number(exponent);
  if (shift > 0) return `${sign}${whole}${fraction.padEnd(shift, '0')}`;
  return `${sign}0.${'0'.repeat(-shift - 1)}${whole}${fraction}`;
}

function texts(value: unknown): readonly string[] {
  if (value === null || value === '') return [];
  if (Array.isArray(value)) return value.map(text);
  if (typeof value === 'string') return value.split(',');
  if (isMapping(value) && Object.keys(value).length === 0) return [];
  if (!isMapping(value)) return [text(value)];
  throw new Misfit('must be a list of texts');
}

function map(value: unknown): Readonly<Record<string, string>> {
  if (value === null) return {};
  // A list of mappings is merged into one.
  if (Array.isArray(value)) return Object.assign({}, ...value.map(map)) as Record<string, string>;
  if (!isMapping(value)) throw new Misfit('must be a mapping of texts');
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, text(one)]));
}

function uint32(value: unknown): number {
  if (value === null || value === '' || value === false) return 0;
  if (value === true) return 1;
  const number = typeof value === 'string' ? wholeNumber(value) : typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !(number >= 0 && number < 2 ** 32)) throw new Misfit('must be a whole number');
  return Math.trunc(number);
}

/** As Go reads it: 0x, 0o and 0b count, and so does a leading zero. */
function wholeNumber(value: string): number {
  if (/^0[0-7]+$/.test(value)) return Number.parseInt(value, 8);
  return /^(0x[0-9a-f]+|0o[0-7]+|0b[01]+|[0-9]+)$/i.test(value) ? Number(value) : Number.NaN;
}

const FLAGS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true])),
  ...Object.fromEntries(['', '0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false])),
};

function flag(value: unknown): boolean {
  if (value === null) return false;
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value) !== 0;
  const known = typeof value === 'string' && Object.hasOwn(FLAGS, value) ? FLAGS[value] : undefined;
  if (known === undefined) throw new Misfit('must be true or false');
  return known;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
