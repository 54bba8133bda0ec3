const STEP = /\.?([A-Za-z_][\w-]*)|\[(\d{1,6})\]|\['([^']*)'\]/y;

/**
 * Reads the simple form of a JSON path: member names and indexes, with or without the leading `$` (`$.auth.id`, `a[0]`,
 * `$['role-id']`).
 *
 * @returns undefined when the text is anything else.
 */
export function parseJsonPath(text: string): readonly string[] | undefined {
  const steps: string[] = [];
  let position = text.startsWith('$') ? 1 : 0;
  while (position < text.length) {
    STEP.lastIndex = position;
    const match = STEP.exec(text);
    if (match === null) return undefined;
    steps.push(match[1] ?? match[2] ?? match[3] ?? '');
    position = STEP.lastIndex;
  }
  return steps.length > 0 ? steps : undefined;
}

/** The value at the end of the path, or undefined. Follows own members only. */
export function selectJson(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
