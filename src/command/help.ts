import type { ArgumentRow, CommandRow, OptionRow } from './command.ts';
import { EXIT_MEANINGS, type ExitCode } from './exit-codes.ts';
import { definitions, indented, type Layout } from './layout.ts';
import { GROUPS, PROGRAM, SHARED_OPTIONS } from './program.ts';

const ANY_COMMAND: readonly ExitCode[] = [0, 1, 2];

/** How a command is called: `policy [options] ROLE...`. */
export function usageOf(row: CommandRow): string {
  return [row.name, '[options]', ...row.arguments.map(argumentUsage)].join(' ');
}

/** `--config FILE`. */
export function optionUsage({ name, value }: OptionRow): string {
  return value === undefined ? `--${name}` : `--${name} ${value.name}`;
}

/** What it is, with its choices, its default, and whether it must be there. */
export function optionHelp({ byDefault, help, required = false, value }: OptionRow): string {
  return `${help}${choicesOf(value?.choices)}${byDefault === undefined ? '' : ` Default: ${byDefault}.`}${required ? ' Required.' : ''}`;
}

export function argumentHelp({ choices, help }: ArgumentRow): string {
  return `${help}${choicesOf(choices)}`;
}

/** All options of a command. */
export function optionsOf(row: CommandRow): readonly OptionRow[] {
  return [...row.options, ...SHARED_OPTIONS];
}

/** All exit codes of a command with their meaning. */
export function exitCodesOf(row: CommandRow): readonly (readonly [string, string])[] {
  const codes = [...new Set([...ANY_COMMAND, ...row.exitCodes])].sort((a, b) => a - b);
  return codes.map((code) => [String(code), EXIT_MEANINGS[code]]);
}

/** The help of one command, examples first. */
export function commandHelp(row: CommandRow, layout: Layout): string {
  const { columns } = layout;
  const examples = row.examples.map(({ line, what }) => `${indented(`# ${what}`, 2, columns)}  ${PROGRAM} ${line}\n`);
  return [
    heading(`${PROGRAM} ${row.name}`, row.summary, layout),
    section('Examples', examples.join('\n'), layout),
    section('Usage', `  ${PROGRAM} ${usageOf(row)}\n`, layout),
    `\n${indented(row.description, 0, columns)}`,
    row.arguments.length === 0
      ? ''
      : section(
          'Arguments',
          definitions(
            row.arguments.map((each) => [each.name, argumentHelp(each)]),
            layout,
          ),
          layout,
        ),
    section(
      'Options',
      definitions(
        optionsOf(row).map((each) => [optionUsage(each), optionHelp(each)]),
        layout,
      ),
      layout,
    ),
    section('Exit codes', definitions(exitCodesOf(row), layout), layout),
  ].join('');
}

/** The help of the program, or of one group of its commands. */
export function overviewHelp(commands: readonly CommandRow[], layout: Layout, group?: string): string {
  const rows = commands.filter(({ name }) => group === undefined || name.startsWith(`${group} `));
  const first = rows.flatMap(({ examples }) => examples.slice(0, 1));
  const prefix = group === undefined ? PROGRAM : `${PROGRAM} ${group}`;
  const summary = group === undefined ? 'the OpenBao keystore plugin of OpenKCM, used as a tool' : GROUPS[group];
  const examples = first.map(({ line, what }) => `${indented(`# ${what}`, 2, layout.columns)}  ${PROGRAM} ${line}\n`);
  const more =
    'Started by a host, with its magic cookie in the environment, it is a plugin and ignores arguments. ' +
    `Results go to stdout, everything else to stderr. ${PROGRAM} COMMAND --help tells more.`;
  return [
    heading(prefix, summary ?? '', layout),
    section('Examples', examples.join('\n'), layout),
    section('Usage', `  ${prefix} COMMAND [options]\n`, layout),
    section(
      'Commands',
      definitions(
        rows.map(({ name, summary: what }) => [name, what]),
        layout,
      ),
      layout,
    ),
    `\n${indented(more, 0, layout.columns)}`,
  ].join('');
}

function heading(name: string, summary: string, { columns, paint }: Layout): string {
  return indented(`${name}: ${summary}`, 0, columns).replace(name, paint('bold', name));
}

function section(title: string, content: string, { paint }: Layout): string {
  return `\n${paint('bold', `${title}:`)}\n${content}`;
}

function argumentUsage({ many = false, name, required }: ArgumentRow): string {
  const text = many ? `${name}...` : name;
  return required ? text : `[${text}]`;
}

function choicesOf(choices: readonly string[] | undefined): string {
  return choices === undefined ? '' : ` One of: ${choices.join(', ')}.`;
}
