// Also for what goes wrong before anything else is loaded: nothing may be imported here.

/** A place in the code and nothing else: no line of a message that only looks like one. */
const FRAME = /^ {4}at (?:[^()]+ \()?[^\s()]+:\d+:\d+\)?$/;
/** Codes as Node gives them to its errors. */
const CODE = /^[A-Z][A-Z0-9_]{1,63}$/;

/**
 * What is logged of something thrown that nobody has foreseen. It may be anything, and its message may quote a request: only
 * its kind and place are told.
 */
export function defectFields(error: unknown): Record<string, unknown> {
  // ES2026, which the compiler's library does not know yet. Errors of another realm are errors, too.
  const isError = (Error as unknown as { isError(value: unknown): value is NodeJS.ErrnoException }).isError(error);
  if (!isError) return { thrown: typeof error };
  const { code, name, stack } = error;
  const frames = stack?.split('\n').filter((line) => FRAME.test(line));
  return {
    error_name: name,
    ...(typeof code === 'string' && CODE.test(code) && { error_code: code }),
    error_stack: frames?.join('\n'),
  };
}
