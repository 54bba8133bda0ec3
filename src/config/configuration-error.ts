/** One fault of a configuration: where (`openbao.addresses[0]`, `line 3`, or empty for the whole text), and what is expected. */
export interface ConfigurationProblem {
  readonly path: string;
  readonly message: string;
}

const MAX_PROBLEMS_IN_MESSAGE = 20;

/** Everything that is wrong with a configuration text. Names keys and lines, never a value. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(`invalid configuration: ${describe(problems)}`);
    this.problems = problems;
  }
}

/** `openbao.addresses[0]`; a name that is not plain is quoted, and cut when it is long. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const name = formatName(String(step));
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

function formatName(name: string): string {
  if (/^[\w-]{1,64}$/.test(name)) return name;
  return JSON.stringify(name.slice(0, 64).replace(/[^\x20-\x7e]/g, '?'));
}

function describe(problems: readonly ConfigurationProblem[]): string {
  const shown = problems
    .slice(0, MAX_PROBLEMS_IN_MESSAGE)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const more = problems.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
