/** Whether a value is an object whose members are its own and nothing else: no list, and no prototype but the usual one. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/**
 * Whether that holds at every depth. A decoder that assigns member by member turns a Struct's `__proto__` key into the
 * prototype of the object. Then what the object seems to hold is not what was sent, here or further down.
 */
export function isPlainData(value: unknown): value is Readonly<Record<string, unknown>> {
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (!isPlainObject(next) && !isPlainList(next)) return false;
    for (const member of Object.values(next)) pending.push(member);
  }
  return isPlainObject(value);
}

function isPlainList(value: object): boolean {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype;
}
