import { isPlainObject } from '../config/plain-data.ts';
import { wrap } from './layout.ts';

/** What is read of a JSON Schema here. */
export interface JsonSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly oneOf?: readonly JsonSchema[];
}

const COLUMNS = 80;
const INDENT = '  ';
const HEADER = `# The text of yamlConfiguration. Lines with ## explain the key below them; a key
# with one # has the value that it shows, if any, until it is set.
`;

/** YAML with these values, and every key that they leave out as a comment, with its default where it has one. */
export function renderExample(schema: JsonSchema, values: object): string {
  return `${HEADER}\n${mapping(schema, values, '', true)}`;
}

function mapping(schema: JsonSchema, values: unknown, indent: string, isActive: boolean): string {
  const given = isPlainObject(values) ? values : {};
  const variant = schema.oneOf?.find(({ properties }) => properties?.method?.const === given.method);
  const members = Object.entries((variant ?? schema).properties ?? {});
  return members
    .map(([name, member], index) => {
      const blank = indent === '' && index > 0 ? '\n' : '';
      return `${blank}${describe(member, indent)}${entry(name, member, given, indent, isActive)}`;
    })
    .join('');
}

function entry(
  name: string,
  schema: JsonSchema,
  given: Readonly<Record<string, unknown>>,
  indent: string,
  isActive: boolean,
): string {
  const value = given[name];
  const isOn = isActive && value !== undefined;
  const mark = isOn ? '' : '# ';
  const isMapping = (schema.properties !== undefined || schema.oneOf !== undefined) && !isSource(schema);
  if (isMapping) {
    // An optional block without a value is left to its own example.
    if (!isOn && schema.default === undefined) return `${indent}${mark}${name}:\n`;
    return `${indent}${mark}${name}:\n${mapping(schema, value, indent + INDENT, isOn)}`;
  }
  if (value !== undefined) return `${indent}${mark}${name}: ${flow(value)}\n`;
  return `${indent}${mark}${name}:${schema.default === undefined ? '' : ` ${flow(schema.default)}`}\n`;
}

function describe({ description = '', oneOf }: JsonSchema, indent: string): string {
  if (description === '' || (oneOf !== undefined && description === '')) return '';
  return wrap(description, COLUMNS - indent.length - 3)
    .map((line) => `${indent}## ${line}\n`)
    .join('');
}

function isSource({ properties }: JsonSchema): boolean {
  return properties?.source !== undefined;
}

/** A value on one line, as YAML that people write. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (isPlainObject(value)) {
    const members = Object.entries(value).map(([name, member]) => `${name}: ${flow(member)}`);
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
  }
  return typeof value === 'string' && /^[A-Za-z/][\w/.-]*$/.test(value) ? value : JSON.stringify(value);
}
