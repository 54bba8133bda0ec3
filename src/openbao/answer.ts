/** What OpenBao answered, read once and bounded; the only form in which an answer travels further. */
export interface Answer {
  readonly status: number;
  /** The body when it is a JSON object; undefined for an empty or any other body. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Whether there was a body that is no JSON object: such an answer does not come from OpenBao. */
  readonly foreignBody: boolean;
  /** `Retry-After` in milliseconds, with a floor of 100 (OpenBao sends `0`). */
  readonly retryAfterMs?: number;
}

const MIN_RETRY_AFTER_MS = 100;

/** Makes an {@link Answer} of the parts of an HTTP response. */
export function toAnswer(status: number, text: string, retryAfter: string | undefined): Answer {
  const body = parseObject(text);
  const retryAfterMs = retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) * 1000 : undefined;
  return {
    status,
    body,
    foreignBody: body === undefined && text.length > 0,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.max(retryAfterMs, MIN_RETRY_AFTER_MS) }),
  };
}

/** The `data` object of an answer, or undefined. */
export function answerData(answer: Answer): Readonly<Record<string, unknown>> | undefined {
  return asObject(answer.body?.data);
}

/** The `errors` array in OpenBao's own error shape, or undefined when the body has another shape. */
export function answerErrors(answer: Answer): readonly string[] | undefined {
  const errors = answer.body?.errors;
  if (!Array.isArray(errors)) return undefined;
  return errors.filter((text): text is string => typeof text === 'string');
}

/** OpenBao's `request_id`, the join key to its audit log. */
export function answerRequestId(answer: Answer): string | undefined {
  const id = answer.body?.request_id;
  return typeof id === 'string' && /^[\w-]{1,64}$/.test(id) ? id : undefined;
}

/** A value as a plain object, or undefined. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (text.length === 0) return undefined;
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}
