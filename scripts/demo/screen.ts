/** What the demo prints. */
export interface Screen {
  /** Of a line of a value, in characters. */
  readonly valueWidth: number;
  /** The first lines. */
  title(text: string, subtitle: string): void;
  /** Begins the next numbered step. */
  step(title: string): void;
  /** A value with its name; more lines of it stand below each other. */
  value(name: string, ...lines: readonly string[]): void;
  /** A value that was checked and is as it must be. */
  proof(name: string, ...lines: readonly string[]): void;
  /** The last line. */
  end(text: string): void;
}

const NAME_WIDTH = 16;
const INDENT = ' '.repeat(NAME_WIDTH + 7);
const STYLES = { bold: [1, 22], dim: [2, 22], green: [32, 39] } as const;

/** Plain text unless `stream` is a terminal and NO_COLOR is unset. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  const styled = stream.isTTY && !process.env.NO_COLOR;
  const style = (name: keyof typeof STYLES, text: string): string => {
    const [on, off] = STYLES[name];
    return styled ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  };
  const print = (text: string): void => void stream.write(`${text}\n`);
  const row = (mark: string, name: string, lines: readonly string[]): void => {
    print(`    ${mark} ${style('dim', name.padEnd(NAME_WIDTH))} ${lines.join(`\n${INDENT}`)}`);
  };
  let steps = 0;
  return {
    valueWidth: stream.isTTY ? stream.columns - INDENT.length : Infinity,
    title(text, subtitle) {
      print(`\n${style('bold', text)}\n${subtitle}`);
    },
    step(title) {
      steps += 1;
      print(`\n${style('bold', `${String(steps).padStart(2)}  ${title}`)}`);
    },
    value(name, ...lines) {
      row(' ', name, lines);
    },
    proof(name, ...lines) {
      row(style('green', '✓'), name, lines);
    },
    end(text) {
      print(`\n${style('bold', text)}\n`);
    },
  };
}
