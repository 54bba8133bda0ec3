/** A value as the parser read it: a switch, a text, or the texts of an argument that takes many. */
export type InputValue = boolean | string | readonly string[] | undefined;

/** The names that a command knows: a row of the table has them. */
interface KnownNames {
  readonly name: string;
  readonly options: readonly { readonly name: string }[];
  readonly arguments: readonly { readonly name: string }[];
}

/** What stood on the command line behind a command. Names that the command's row does not have are a defect. */
export class CommandInput {
  readonly #row: KnownNames;
  readonly #options: Readonly<Record<string, InputValue>>;
  readonly #arguments: Readonly<Record<string, InputValue>>;

  constructor(
    row: KnownNames,
    values: {
      readonly options: Readonly<Record<string, InputValue>>;
      readonly arguments: Readonly<Record<string, InputValue>>;
    },
  ) {
    this.#row = row;
    this.#options = values.options;
    this.#arguments = values.arguments;
  }

  /** The value of an option, or its default. */
  option(name: string): string | undefined {
    const value = this.#options[this.#known(name, this.#row.options)];
    return typeof value === 'string' ? value : undefined;
  }

  /** The value of an option that the parser insists on. */
  required(name: string): string {
    return this.option(name) ?? this.#unknown(name);
  }

  /** Whether a switch was given. */
  flag(name: string): boolean {
    return this.#options[this.#known(name, this.#row.options)] === true;
  }

  argument(name: string): string | undefined {
    return this.arguments(name)[0];
  }

  /** All values of an argument, none when it was left out. */
  arguments(name: string): readonly string[] {
    const value = this.#arguments[this.#known(name, this.#row.arguments)];
    if (typeof value === 'string') return [value];
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }

  #known(name: string, rows: readonly { readonly name: string }[]): string {
    return rows.some((row) => row.name === name) ? name : this.#unknown(name);
  }

  #unknown(name: string): never {
    throw new Error(`the command ${this.#row.name} has no ${name}`);
  }
}
