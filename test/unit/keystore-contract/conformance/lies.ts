import { status } from '@grpc/grpc-js';

import type { CallStep, RefusalPattern } from '../../../../keystore-contract/conformance/case.ts';
import type { Outcome, Refusal } from '../../../../keystore-contract/conformance/subject.ts';
import { isReference } from '../../../../keystore-contract/conformance/template.ts';

/** An answer that must not pass, and what is wrong with it. */
export type Lie = readonly [what: string, outcome: Outcome<object>];

const WRONG: Refusal = { code: status.DATA_LOSS, message: 'something else' };

/** Every way to answer a step wrongly in just one respect that the case looks at. */
export function liesAbout(step: CallStep, truth: Outcome<object>): Lie[] {
  if ('ends' in step) return [['a crash', { code: status.UNKNOWN, message: 'x is not a function' }], ...served(truth)];
  if ('response' in truth) {
    const pattern = 'answers' in step ? step.answers : {};
    return [
      ['refused', WRONG],
      ...spoil(pattern, truth.response).map(([what, response]): Lie => [what, { response: response as object }]),
    ];
  }
  return [
    ['succeeded', { response: {} }],
    ...served(truth),
    ...spoilRefusal('refused' in step ? step.refused : WRONG, truth),
  ];
}

function served(truth: Outcome<object>): Lie[] {
  const text = 'response' in truth ? 'unknown method' : truth.message;
  return [['not served', { code: status.UNIMPLEMENTED, message: text }]];
}

function spoilRefusal({ message, metadata, reason }: RefusalPattern, truth: Refusal): Lie[] {
  const { errorInfo } = truth;
  const lies: Lie[] = [
    ['another code', { ...truth, code: status.DATA_LOSS }],
    ['no text', { ...truth, message: ' ' }],
    ['the text of a crash', { ...truth, message: 'TypeError: x is not a function' }],
  ];
  if (message !== undefined) lies.push(['one letter of the text', { ...truth, message: `${message}.` }]);
  if (errorInfo === undefined) return lies;
  const { errorInfo: _, ...bare } = truth;
  if (reason !== undefined) {
    lies.push(['no ErrorInfo', bare]);
    lies.push(['another reason', { ...truth, errorInfo: { ...errorInfo, reason: 'ELSE' } }]);
    lies.push(['a domain', { ...truth, errorInfo: { ...errorInfo, domain: 'example.org' } }]);
  }
  if (metadata !== undefined) lies.push(['no metadata', { ...truth, errorInfo: { ...errorInfo, metadata: {} } }]);
  return lies;
}

type Spoilt = readonly [what: string, value: unknown];

/** Values that differ from one in a single respect that the pattern mentions. */
function spoil(pattern: unknown, value: unknown): Spoilt[] {
  if (isReference(pattern) || typeof pattern !== 'object' || pattern === null || Buffer.isBuffer(pattern)) {
    return [...changed(value), ...emptied(value)];
  }
  if ('is' in pattern) return SPOIL_MATCHED[pattern.is as string]?.(pattern, value) ?? emptied(value);
  return Object.entries(pattern).flatMap(([field, part]) =>
    spoil(part, (value as Record<string, unknown>)[field]).map(([what, other]): Spoilt => [
      `${field} ${what}`,
      { ...(value as object), [field]: other },
    ]),
  );
}

const SPOIL_MATCHED: Readonly<Record<string, (pattern: object, value: unknown) => Spoilt[]>> = {
  list: (pattern, value) => spoilList(pattern, value as unknown[]),
  map: (_pattern, value) => [...changed(value), ...emptied(value)],
};

function spoilList(pattern: object, items: unknown[]): Spoilt[] {
  const { each, increasing, last, length } = pattern as Record<string, unknown>;
  const withLast = (item: unknown): unknown[] => [...items.slice(0, -1), item];
  const bounded = last !== undefined || length !== undefined;
  return [
    ...(bounded ? ([['empty', []]] as const) : []),
    ...(length === undefined ? [] : ([['longer', [...items, ...items.slice(-1)]]] as const)),
    ...(increasing !== undefined && items.length > 1 ? ([['in another order', items.toReversed()]] as const) : []),
    ...(increasing !== undefined ? ([['with one item twice', [...items, ...items.slice(-1)]]] as const) : []),
    ...[each, last].flatMap((part) =>
      part === undefined
        ? []
        : spoil(part, items.at(-1)).map(([what, item]): Spoilt => [`last ${what}`, withLast(item)]),
    ),
  ];
}

/** The smallest change of a value. */
function changed(value: unknown): Spoilt[] {
  if (typeof value === 'string') return [['with one letter more', `${value}x`]];
  if (typeof value === 'boolean') return [['turned round', !value]];
  if (typeof value === 'number') return [['more', value + 1]];
  if (Buffer.isBuffer(value)) return [['longer', Buffer.concat([value, Buffer.from([1])])]];
  if (isTimestamp(value)) return [['later', { ...value, nanos: value.nanos + 1 }]];
  if (value instanceof Map)
    return [['with one more', new Map([...(value as Map<string, Buffer>), ['more', Buffer.from('x')]])]];
  if (Array.isArray(value)) return [['longer', [...(value as unknown[]), ...(value as unknown[]).slice(-1)]]];
  return [];
}

/** What a plugin answers that has nothing to answer. */
function emptied(value: unknown): Spoilt[] {
  if (value === '' || value === undefined || value === false || value === 0) return [];
  if (typeof value === 'string') return [['empty', '']];
  if (typeof value === 'number') return [['unspecified', 0]];
  if (Buffer.isBuffer(value)) return value.length === 0 ? [] : [['empty', Buffer.alloc(0)]];
  if (isTimestamp(value)) return [['absent', undefined]];
  if (value instanceof Map) return value.size === 0 ? [] : [['empty', new Map()]];
  return Array.isArray(value) ? [['empty', []]] : [];
}

function isTimestamp(value: unknown): value is { readonly seconds: bigint; readonly nanos: number } {
  return typeof value === 'object' && value !== null && 'seconds' in value && 'nanos' in value;
}
