import { errorFields, isError } from './error-fields.ts';

/** Characters of one value. */
const MAX_VALUE_LENGTH = 3072;
/** Characters of all keys and values of a line. JSON makes at most six bytes of one. */
const MAX_FIELDS_LENGTH = 5120;

type Scalar = string | number | boolean | null;

/**
 * The fields of a log line: strings, numbers and booleans on one level. Errors spread into `KEY` (their message),
 * `KEY_name`, `KEY_stack` …; other objects become JSON text, bytes only their number. Keys that begin with `@` are
 * hclog's and get another first character. What goes beyond the size of a line is cut, then left out.
 */
export function flatFields(fields: object): Record<string, Scalar> {
  const flat: Record<string, Scalar> = {};
  let room = MAX_FIELDS_LENGTH;
  let omitted = 0;
  for (const [name, value] of entries(fields)) {
    const key = name.replace(/^@/, '_');
    const scalar = toScalar(value, Math.min(MAX_VALUE_LENGTH, room - key.length));
    if (scalar === undefined) continue;
    room -= key.length + String(scalar).length;
    if (room < 0) omitted += 1;
    else Object.defineProperty(flat, key, { value: scalar, enumerable: true, configurable: true, writable: true });
  }
  return omitted === 0 ? flat : { ...flat, omitted_fields: omitted };
}

/** The text, cut to a number of characters. */
export function cap(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, Math.max(0, maxLength - 1))}…`;
}

function entries(fields: object): [string, unknown][] {
  return Object.entries(fields).flatMap(([key, value]: [string, unknown]) =>
    isError(value) ? errorEntries(key, value) : [[key, value] as [string, unknown]],
  );
}

function errorEntries(key: string, error: Error): [string, unknown][] {
  const { message, ...others } = errorFields(error);
  return [
    [key, message],
    ...Object.entries(others).map(([name, value]): [string, unknown] => [`${key}_${name}`, value]),
  ];
}

function toScalar(value: unknown, maxLength: number): Scalar | undefined {
  switch (typeof value) {
    case 'string':
      return cap(value, maxLength);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? null : cap(toText(value), maxLength);
    default:
      return undefined;
  }
}

function toText(value: object): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  try {
    const text = JSON.stringify(value, withoutBytes);
    return typeof text === 'string' ? text : '[unprintable]';
  } catch {
    return '[unprintable]';
  }
}

/** A Buffer has become `{type, data}` by the time a replacer sees it, so the holder is asked. */
function withoutBytes(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (ArrayBuffer.isView(original)) return `[${original.byteLength} bytes]`;
  if (isError(original)) return errorFields(original).message;
  return typeof value === 'bigint' ? String(value) : value;
}
