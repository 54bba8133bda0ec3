const STYLES = { bold: [1, 22], dim: [2, 22], green: [32, 39], yellow: [33, 39], red: [31, 39] } as const;

export type Style = keyof typeof STYLES;

/** Narrower lines than these cannot be read, wider ones are not, either. */
const MIN_COLUMNS = 40;
const MAX_COLUMNS = 80;

/** How text for people is set. */
export interface Layout {
  readonly columns: number;
  /** Plain unless the reader is a terminal that wants colours. */
  readonly paint: (style: Style, text: string) => string;
}

/** @param terminal - undefined when the reader is none; its `columns` are what it says of itself, if anything */
export function createLayout(
  terminal: { readonly columns?: number | undefined; readonly colours: boolean } | undefined,
): Layout {
  const columns = Math.min(Math.max(terminal?.columns ?? MAX_COLUMNS, MIN_COLUMNS), MAX_COLUMNS);
  const paint = (style: Style, text: string): string => {
    const [on, off] = STYLES[style];
    return terminal?.colours === true ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  };
  return { columns, paint };
}

/** Breaks text between words so that no line is wider than `columns`, unless one word is. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && width(line) + 1 + width(word) > columns) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}

/** Wrapped text behind an indentation of `indent` columns, each line ended. */
export function indented(text: string, indent: number, columns: number): string {
  const blank = ' '.repeat(indent);
  return wrap(text, columns - indent)
    .map((line) => (line === '' ? '\n' : `${blank}${line}\n`))
    .join('');
}

/** Names in a column and what belongs to each beside it, or below it where the name is long. */
export function definitions(
  rows: readonly (readonly [name: string, text: string])[],
  { columns, paint }: Layout,
  { indent = 2, style }: { readonly indent?: number; readonly style?: Style } = {},
): string {
  const longest = Math.max(0, ...rows.map(([name]) => width(name)));
  const column = Math.min(longest, Math.floor(columns / 3));
  const at = indent + column + 2;
  return rows
    .map(([name, text]) => {
      const [first = '', ...rest] = wrap(text, columns - at);
      const painted = style === undefined ? name : paint(style, name);
      const head = `${' '.repeat(indent)}${painted}`;
      const beside = width(name) <= column;
      const lines = beside ? rest : [first, ...rest];
      const start = beside && first !== '' ? `${head}${' '.repeat(column - width(name) + 2)}${first}` : head;
      return [start, ...lines.filter((line) => line !== '').map((line) => `${' '.repeat(at)}${line}`)]
        .map((line) => `${line}\n`)
        .join('');
    })
    .join('');
}

/** In code points: what is shown here is a column wide each. */
function width(text: string): number {
  return Array.from(text).length;
}
