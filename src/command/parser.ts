import { Argument, Command as Parser, CommanderError, Option } from 'commander';

import type { CommandRow, OptionRow } from './command.ts';
import { CommandError } from './command-error.ts';
import { CommandInput, type InputValue } from './command-input.ts';
import { COMMANDS } from './command-table.ts';
import { EXIT } from './exit-codes.ts';
import { commandHelp, optionsOf, overviewHelp } from './help.ts';
import type { Layout } from './layout.ts';
import { GROUPS, PROGRAM } from './program.ts';

/** The forms of a result. */
export type OutputForm = 'text' | 'json';

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'command'; readonly row: CommandRow; readonly input: CommandInput; readonly output: OutputForm };

/**
 * Reads the command line: everything behind the name of the program.
 *
 * @throws CommandError with the exit code of wrong usage
 */
export function parseCommandLine(args: readonly string[], layout: Layout): Request {
  const chosen: { request?: Request } = {};
  const parser = createParser(layout, (request) => (chosen.request = request));
  try {
    parser.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code !== 'commander.helpDisplayed' && error.code !== 'commander.help')
      throw usageError(error.message, args);
  }
  if (chosen.request === undefined) throw usageError('a command is missing', args);
  return chosen.request;
}

function createParser(layout: Layout, choose: (request: Request) => void): Parser {
  const root = configure(new Parser(PROGRAM), overviewHelp(COMMANDS, layout), choose);
  // As people and package managers try it first.
  root.option('--version', 'the same as the command version');
  root.on('option:version', () => {
    const row = COMMANDS.find(({ name }) => name === 'version');
    if (row === undefined) throw new Error('the table has no command version');
    choose({ kind: 'command', row, input: new CommandInput(row, { options: {}, arguments: {} }), output: 'text' });
    throw new CommanderError(EXIT.ok, 'commander.helpDisplayed', '');
  });
  const groups = new Map<string, Parser>();
  for (const row of COMMANDS) {
    const [first = '', second] = row.name.split(' ');
    const parent = second === undefined ? root : groupOf(first, { root, groups, layout, choose });
    parent.addCommand(createCommand(row, second ?? first, layout, choose));
  }
  return root;
}

function groupOf(
  name: string,
  context: {
    readonly root: Parser;
    readonly groups: Map<string, Parser>;
    readonly layout: Layout;
    readonly choose: (request: Request) => void;
  },
): Parser {
  const { choose, groups, layout, root } = context;
  const known = groups.get(name);
  if (known !== undefined) return known;
  if (GROUPS[name] === undefined) throw new Error(`the group ${name} has no summary`);
  const group = configure(new Parser(name), overviewHelp(COMMANDS, layout, name), choose);
  groups.set(name, group);
  root.addCommand(group);
  return group;
}

function createCommand(row: CommandRow, word: string, layout: Layout, choose: (request: Request) => void): Parser {
  const command = configure(new Parser(word), commandHelp(row, layout), choose);
  for (const { choices, help, many = false, name, required } of row.arguments) {
    const text = many ? `${name}...` : name;
    const argument = new Argument(required ? `<${text}>` : `[${text}]`, help);
    command.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of optionsOf(row)) if (option.name !== 'help') command.addOption(toOption(option));
  // Of more arguments than there are, the rest would be dropped in silence.
  command.allowExcessArguments(false);
  command.action(() => {
    const values: Record<string, InputValue> = {};
    for (const option of command.options) {
      const value = command.getOptionValue(option.attributeName()) as InputValue;
      // Commander takes --no-tls for the opposite of a switch that is on.
      values[option.name()] = option.negate ? value === false : value;
    }
    const given = row.arguments.map(({ name }, index): [string, InputValue] => [
      name,
      command.processedArgs[index] as InputValue,
    ]);
    const input = new CommandInput(row, { options: values, arguments: Object.fromEntries(given) });
    choose({ kind: 'command', row, input, output: values.output === 'json' ? 'json' : 'text' });
  });
  return command;
}

function toOption({ byDefault, help, name, required = false, value }: OptionRow): Option {
  const option = new Option(value === undefined ? `--${name}` : `--${name} <${value.name}>`, help);
  if (value?.choices !== undefined) option.choices(value.choices);
  if (byDefault !== undefined) option.default(byDefault);
  return option.makeOptionMandatory(required);
}

/** Commander prints nothing and ends nothing itself. */
function configure(parser: Parser, help: string, choose: (request: Request) => void): Parser {
  parser.exitOverride();
  parser.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  parser.helpOption('--help', 'this text');
  parser.helpInformation = () => help;
  parser.on('beforeHelp', ({ error }: { error: boolean }) => {
    if (!error) choose({ kind: 'help', text: help });
  });
  return parser;
}

function usageError(message: string, args: readonly string[]): CommandError {
  const [text = '', suggestion = ''] = message.replace(/^error: /, '').split('\n');
  const similar = /^\(Did you mean (.*)\?\)$/.exec(suggestion)?.[1];
  const line = args.join(' ');
  const row = COMMANDS.find(({ name }) => line === name || line.startsWith(`${name} `));
  const help = row === undefined ? `${PROGRAM} --help lists the commands` : `see ${PROGRAM} ${row.name} --help`;
  return new CommandError(EXIT.usage, text, similar === undefined ? help : `did you mean ${similar}?`);
}
