import { status } from '@grpc/grpc-js';

import type { RefusalPattern } from './case.ts';
import { type MatchContext, mismatch } from './pattern.ts';
import { redact, repeatsSecret } from './secrets.ts';
import type { Refusal } from './subject.ts';

// What runtimes print when they fail, and what no plugin may send to a tenant.
const CRASH_TEXT = /\n\s*at |:\d+:\d+\)|\bpanic\b|goroutine|\b(?:Type|Range|Reference|Syntax)Error\b|\[object /;

/** What is wrong with a refusal, in half a sentence without secrets, or undefined. */
export function refusalMismatch(pattern: RefusalPattern, actual: Refusal, context: MatchContext): string | undefined {
  return (
    codeMismatch([pattern.code].flat(), actual) ??
    messageMismatch(pattern.message, actual, context) ??
    detailMismatch(pattern, actual, context) ??
    manners(actual, context)
  );
}

/** The same where only the code is fixed. */
export function codeMismatch(codes: readonly status[], { code, message }: Refusal): string | undefined {
  if (code === status.UNIMPLEMENTED) return 'the method is not served (UNIMPLEMENTED)';
  if (codes.includes(code)) return undefined;
  const expected = codes.map((each) => status[each]).join(' or ');
  const hint = code === status.UNKNOWN && CRASH_TEXT.test(message) ? ', with the text of a crash' : '';
  return `the status is ${nameOf(code)}${hint}, expected is ${expected}`;
}

/** What every refusal must keep to: a text fit for people, and nothing of the request in it. */
export function manners({ errorInfo, message }: Refusal, { secrets }: MatchContext): string | undefined {
  if (message.trim() === '') return 'the status has no text';
  if (CRASH_TEXT.test(message)) return 'the text of the status is that of a crash';
  const texts = [message, ...Object.values(errorInfo?.metadata ?? {})];
  if (texts.some((text) => repeatsSecret(text, secrets)))
    return 'the status repeats a value of the request or of the access data';
  return undefined;
}

function messageMismatch(
  expected: string | undefined,
  { message }: Refusal,
  { secrets }: MatchContext,
): string | undefined {
  if (expected === undefined || message === expected) return undefined;
  return `the text of the status is ${JSON.stringify(redact(message, secrets))}, expected is ${JSON.stringify(expected)}`;
}

function detailMismatch(
  { metadata, reason }: RefusalPattern,
  { errorInfo }: Refusal,
  context: MatchContext,
): string | undefined {
  if (reason === undefined && metadata === undefined) return undefined;
  if (errorInfo === undefined) return 'the status has no ErrorInfo';
  if (errorInfo.domain !== '') return 'the domain of the ErrorInfo is not empty';
  const reasons = [reason ?? []].flat();
  if (reasons.length > 0 && !reasons.includes(errorInfo.reason)) {
    return `the reason is ${JSON.stringify(redact(errorInfo.reason, context.secrets))}, expected is ${reasons.join(' or ')}`;
  }
  const entries = Object.entries(metadata ?? {}).map(([name, expected]) =>
    mismatch(expected, errorInfo.metadata[name], `the metadata entry ${name}`, context),
  );
  return entries.find((entry) => entry !== undefined);
}

function nameOf(code: status): string {
  return code in status ? status[code] : `${String(code)}, which gRPC does not know`;
}
