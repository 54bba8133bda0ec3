import { isDeepStrictEqual } from 'node:util';

import type { ListMatcher, MapMatcher, Matcher } from './case.ts';
import { redact, type Secrets } from './secrets.ts';
import { CaseError, isReference, lookUp, type Scope } from './template.ts';

/** What a comparison knows beside the value. */
export interface MatchContext {
  readonly scope: Scope;
  readonly secrets: Secrets;
}

type AnyMatcher = Matcher<unknown> | ListMatcher<Record<string, unknown>> | MapMatcher;
type Check<Name extends AnyMatcher['is']> = (
  matcher: Extract<AnyMatcher, { readonly is: Name }>,
  actual: unknown,
  path: string,
  context: MatchContext,
) => string | undefined;

/**
 * Compares a value with a pattern.
 *
 * @returns undefined, or what is wrong in half a sentence that shows no secret.
 */
export function mismatch(pattern: unknown, actual: unknown, path: string, context: MatchContext): string | undefined {
  if (isReference(pattern)) return unequal(lookUp(pattern, context.scope), actual, path, context);
  if (isMatcher(pattern)) return (CHECKS[pattern.is] as Check<typeof pattern.is>)(pattern, actual, path, context);
  if (typeof pattern !== 'object' || pattern === null || Buffer.isBuffer(pattern)) {
    return unequal(pattern, actual, path, context);
  }
  if (typeof actual !== 'object' || actual === null)
    return `${path} is ${show(actual, context)}, a message is expected`;
  return first(Object.entries(pattern), ([field, expected]) =>
    mismatch(expected, Object.getOwnPropertyDescriptor(actual, field)?.value, join(path, field), context),
  );
}

const CHECKS: { readonly [Name in AnyMatcher['is']]: Check<Name> } = {
  present: (_matcher, actual, path) => (isPresent(actual) ? undefined : `${path} is missing`),
  oneOf: ({ values }, actual, path, context) =>
    values.some((value) => isDeepStrictEqual(value, actual))
      ? undefined
      : `${path} is ${show(actual, context)}, one of ${values.map((value) => show(value, context)).join(', ')} is expected`,
  differentFrom: ({ other }, actual, path, { scope }) => {
    if (!isPresent(actual)) return `${path} is missing`;
    return isDeepStrictEqual(lookUp(other, scope), actual) ? `${path} is the same as before` : undefined;
  },
  atLeast: ({ least }, actual, path, context) =>
    typeof actual === 'number' && actual >= least
      ? undefined
      : `${path} is ${show(actual, context)}, at least ${least} is expected`,
  like: ({ pattern }, actual, path, context) =>
    pattern.test(Buffer.isBuffer(actual) ? actual.toString('latin1') : String(actual))
      ? undefined
      : `${path} is ${show(actual, context)} and does not match ${String(pattern)}`,
  laterThan: ({ other }, actual, path, { scope }) =>
    compare(instantOf(actual), instantOf(lookUp(other, scope))) > 0 ? undefined : `${path} is not later than ${other}`,
  future: (_matcher, actual, path) =>
    compare(instantOf(actual), now()) > 0 ? undefined : `${path} is not in the future`,
  recent: ({ seconds }, actual, path) =>
    compare(instantOf(actual), now() - BigInt(seconds) * SECOND) >= 0
      ? undefined
      : `${path} is older than ${seconds} seconds`,
  list: matchList,
  map: ({ keys }, actual, path, context) => {
    if (!(actual instanceof Map)) return `${path} is no map`;
    const names = [...actual.keys()].sort().join(', ');
    if (names !== [...keys].sort().join(', ')) {
      return `${path} has the keys ${show(names, context)}, expected are ${show([...keys].sort().join(', '), context)}`;
    }
    return first([...actual.entries()], ([key, value]) => (isPresent(value) ? undefined : `${path}.${key} is empty`));
  },
};

function matchList(
  matcher: ListMatcher<Record<string, unknown>>,
  actual: unknown,
  path: string,
  context: MatchContext,
): string | undefined {
  if (!Array.isArray(actual)) return `${path} is no list`;
  const items = actual as Record<string, unknown>[];
  const { each, increasing = [], last, length } = matcher;
  if (length !== undefined && items.length !== length)
    return `${path} has ${items.length} items, expected are ${length}`;
  return (
    (each && first([...items.entries()], ([index, item]) => mismatch(each, item, `${path}[${index}]`, context))) ??
    (last && mismatch(last, items.at(-1), `the last of ${path}`, context)) ??
    first(increasing, (field) => first(items.slice(1), (item, index) => grows(items[index], item, field, path)))
  );
}

function grows(
  before: Record<string, unknown> | undefined,
  item: Record<string, unknown>,
  field: string,
  path: string,
): string | undefined {
  const [from, to] = [orderOf(before?.[field]), orderOf(item[field])];
  return from !== undefined && to !== undefined && to > from ? undefined : `${field} of ${path} does not grow strictly`;
}

function orderOf(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d+$/.test(value) ? BigInt(value) : instantOf(value);
}

const SECOND = 1_000_000_000n;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Nanoseconds since 1970, or undefined when the value is no time. */
function instantOf(value: unknown): bigint | undefined {
  if (typeof value === 'string') return RFC_3339.test(value) ? BigInt(Date.parse(value)) * 1_000_000n : undefined;
  if (typeof value !== 'object' || value === null || !('seconds' in value) || !('nanos' in value)) return undefined;
  return (value.seconds as bigint) * SECOND + BigInt(value.nanos as number);
}

function compare(a: bigint | undefined, b: bigint | undefined): number {
  if (b === undefined) throw new CaseError('the time to compare with is none');
  if (a === undefined) return -Infinity;
  return a === b ? 0 : a > b ? 1 : -1;
}

function isPresent(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return false;
  if (Buffer.isBuffer(value) || Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return instantOf(value) !== 0n;
}

function isMatcher(pattern: unknown): pattern is AnyMatcher {
  return typeof pattern === 'object' && pattern !== null && 'is' in pattern && typeof pattern.is === 'string';
}

function unequal(expected: unknown, actual: unknown, path: string, context: MatchContext): string | undefined {
  if (isDeepStrictEqual(expected, actual)) return undefined;
  const [is, wanted] = [show(actual, context), show(expected, context)];
  return is === wanted ? `${path} is ${is}, but not the one expected` : `${path} is ${is}, expected is ${wanted}`;
}

function show(value: unknown, { secrets }: MatchContext): string {
  if (typeof value === 'string') return JSON.stringify(redact(value, secrets));
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Buffer.isBuffer(value)) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return value === undefined ? 'absent' : 'a message';
}

function first<Item>(
  items: readonly Item[],
  check: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = check(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}
