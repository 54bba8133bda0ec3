import type { JsonTemplate } from './case.ts';

/** Names and what they stand for: the facts of the stage, and what earlier steps gave. */
export type Scope = ReadonlyMap<string, unknown>;

/** A reference that stands for nothing: a fault of the case, not of the plugin. */
export class CaseError extends Error {
  override readonly name = 'CaseError';
}

const REFERENCE = /^\$[A-Za-z]/;
const SPREAD = '...';

/** Whether a value is a `Reference`. A text that only begins with `$` is none. */
export function isReference(value: unknown): value is string {
  return typeof value === 'string' && REFERENCE.test(value);
}

/** What a reference stands for. */
export function lookUp(reference: string, scope: Scope): unknown {
  const [name = '', ...path] = reference.slice(1).split('.');
  if (!scope.has(name)) throw new CaseError(`${reference} stands for nothing`);
  return path.reduce<unknown>((value, field) => {
    if (typeof value !== 'object' || value === null) throw new CaseError(`${reference} is a part of nothing`);
    return Object.getOwnPropertyDescriptor(value, field)?.value;
  }, scope.get(name));
}

/** What a reference stands for, which must be a text. */
export function lookUpText(reference: string, scope: Scope): string {
  const value = lookUp(reference, scope);
  if (typeof value !== 'string') throw new CaseError(`${reference} is no text`);
  return value;
}

/** What a reference stands for, which must be bytes. */
export function lookUpBytes(reference: string, scope: Scope): Buffer {
  const value = lookUp(reference, scope);
  if (!Buffer.isBuffer(value)) throw new CaseError(`${reference} is no bytes`);
  return value;
}

/** The value that a template stands for; members that are undefined are left out. */
export function resolve(template: unknown, scope: Scope): unknown {
  if (isReference(template)) return lookUp(template, scope);
  if (Array.isArray(template)) return template.map((item) => resolve(item, scope));
  if (typeof template !== 'object' || template === null || Buffer.isBuffer(template)) return template;
  const { [SPREAD]: base, ...own } = template as Record<string, unknown>;
  if (isJsonTemplate(own)) return Buffer.from(JSON.stringify(resolve(own.json, scope)));
  const members = Object.entries(own).map(([name, member]) => [name, resolve(member, scope)] as const);
  // What comes from outside is taken as it is: a text of it that looks like a reference is none.
  const all = { ...(base === undefined ? {} : (resolve(base, scope) as object)), ...Object.fromEntries(members) };
  return Object.fromEntries(Object.entries(all).filter(([, member]) => member !== undefined));
}

function isJsonTemplate(template: object): template is JsonTemplate {
  const [name, ...others] = Object.keys(template);
  return name === 'json' && others.length === 0;
}

/** The names that a step refers to, without what follows their first dot. */
export function namesIn(value: unknown): string[] {
  if (isReference(value)) return [value.slice(1).split('.')[0] ?? ''];
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || value instanceof RegExp) return [];
  return Object.values(value).flatMap(namesIn);
}
