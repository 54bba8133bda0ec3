import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

import { PLUGIN_LOG_LEVELS, type PluginLogLevel } from '../log-filter.ts';
import { call } from './call.ts';
import { CommandError, EXIT_CODES, type ExitCode } from './exit-codes.ts';
import { openSession, type Session } from './session.ts';
import { status } from './status.ts';
import { verify } from './verify.ts';

/** An option as the help shows it and as it is read. */
interface Option {
  readonly value?: string;
  readonly short?: string;
  readonly multiple?: boolean;
  readonly help: string;
}

/** What was given, by name. */
class Given {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new CommandError(EXIT_CODES.usage, `--${name} is missing`);
    return value;
  }

  texts(name: string): readonly string[] {
    return (this.#values[name] as string[] | undefined) ?? [];
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  /** Seconds, given in milliseconds. */
  seconds(name: string, standard: number): number {
    const text = this.text(name) ?? String(standard);
    const seconds = Number(text);
    if (text.trim() !== '' && seconds >= 0.1 && seconds <= 3600) return seconds * 1000;
    throw new CommandError(EXIT_CODES.usage, `--${name} must be 0.1 to 3600 seconds`);
  }

  choice<Value extends string>(name: string, choices: readonly Value[], standard: Value): Value {
    const text = this.text(name) ?? standard;
    const choice = choices.find((one) => one === text);
    if (choice !== undefined) return choice;
    throw new CommandError(EXIT_CODES.usage, `--${name} must be one of ${choices.join(', ')}`);
  }
}

interface Command {
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly string[];
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** Default `warn`. A check is meant to be refused again and again, of which the plugin may warn. */
  readonly logLevel?: PluginLogLevel;
  run(given: Given, positionals: readonly string[], session: Session): Promise<ExitCode>;
}

const LIST: Readonly<Record<string, Option>> = {
  config: { value: 'FILE', help: 'YAML file with a plugins list: CMK’s configuration, or the list alone' },
  directory: { value: 'DIR', help: 'plugins directory; default: the one all executables are in' },
};
const TIMEOUT: Option = { value: 'SECONDS', help: 'for each call; default 10' };
const OUTPUT: Option = { value: 'text|json', help: 'default text' };
const COMMON: Readonly<Record<string, Option>> = {
  'log-level': { value: 'LEVEL', help: `of plugins and host, on stderr: ${PLUGIN_LOG_LEVELS.join(', ')}` },
  help: { short: 'h', help: 'this text' },
};

const COMMANDS: Readonly<Record<string, Command>> = {
  status: {
    summary: 'start the plugins of a list and show how they and their keystores are doing',
    usage: '--config FILE [--watch]',
    examples: [
      'plugin-host status --config /etc/cmk/config.yaml',
      'plugin-host status --config plugins.yaml --watch --key l1',
    ],
    positionals: [],
    options: {
      ...LIST,
      watch: { help: 'again and again, until interrupted' },
      interval: { value: 'SECONDS', help: 'from one probe to the next; default 2' },
      key: { value: 'NAME', help: 'a key that each probe asks for, besides the health of the keystore' },
      values: { value: 'FILE', help: 'JSON object, the config.values of each probe' },
      output: OUTPUT,
    },
    run: (given, _, session) =>
      status(
        {
          config: given.required('config'),
          directory: given.text('directory'),
          watch: given.flag('watch'),
          intervalMs: given.seconds('interval', 2),
          key: given.text('key'),
          values: given.text('values'),
          output: given.choice('output', ['text', 'json'], 'text'),
        },
        session,
      ),
  },
  call: {
    summary: 'start one plugin of a list and make one call',
    usage: 'METHOD JSON --config FILE [--plugin NAME]',
    examples: [
      `plugin-host call GetKey '{"parameters": {"keyId": "l1"}}' --config plugins.yaml --plugin OPENBAO`,
      'plugin-host call crypto.encrypt - --config plugins.yaml < request.json',
    ],
    positionals: ['METHOD', 'JSON'],
    options: {
      ...LIST,
      plugin: { value: 'NAME', help: 'which plugin; not needed when only one can answer' },
      timeout: TIMEOUT,
    },
    run: (given, [method = '', request = ''], session) =>
      call(
        {
          method,
          request,
          config: given.required('config'),
          directory: given.text('directory'),
          plugin: given.text('plugin'),
          timeoutMs: given.seconds('timeout', 10),
        },
        session,
      ),
  },
  verify: {
    summary: 'check an executable against the keystore contract, case by case',
    usage: 'EXECUTABLE --config PLUGIN_YAML --key NAME',
    examples: [
      'plugin-host verify /etc/plugins/keystore/keystoreop-openbao --config openbao.yaml --key l1',
      'plugin-host verify ./keystoreop-aws --config aws.yaml --key alias/l1 --profile HYOK --stage stage.json',
    ],
    positionals: ['EXECUTABLE'],
    logLevel: 'error',
    options: {
      config: { value: 'PLUGIN_YAML', help: 'what the plugin is configured with (yamlConfiguration); default nothing' },
      key: { value: 'NAME', help: 'an enabled AES-256 key; the cases do not change it' },
      profile: {
        value: 'PROFILE',
        multiple: true,
        help: 'what the plugin claims, as often as needed: HYOK, DATA, BYOK (makes keys named verify-…); default HYOK, and DATA when it is served',
      },
      stage: { value: 'FILE', help: 'JSON object that tells more of the surroundings, so that more cases apply' },
      timeout: TIMEOUT,
      verbose: { help: 'skipped cases as well, and why' },
      output: OUTPUT,
    },
    run: (given, [executable = ''], session) =>
      verify(
        {
          executable,
          config: given.text('config'),
          key: given.required('key'),
          profiles: given.texts('profile'),
          stage: given.text('stage'),
          timeoutMs: given.seconds('timeout', 10),
          verbose: given.flag('verbose'),
          output: given.choice('output', ['text', 'json'], 'text'),
        },
        session,
      ),
  },
};

/** Runs what the arguments say. Rejects with what goes wrong; nothing is left running then. */
export async function runCommandLine(args: readonly string[], version: string): Promise<ExitCode> {
  const [name = '', ...rest] = args;
  const { stdout } = process;
  if (['--help', '-h', 'help'].includes(name)) {
    stdout.write(overview());
    return EXIT_CODES.ok;
  }
  if (['--version', 'version'].includes(name)) {
    stdout.write(`${version}\n`);
    return EXIT_CODES.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    const what = name === '' ? 'a command is missing' : `there is no command ${JSON.stringify(name)}`;
    throw new CommandError(EXIT_CODES.usage, `${what}\n\n${overview().trimEnd()}`);
  }
  const { values, positionals } = parse(name, command, rest);
  const given = new Given(values);
  if (given.flag('help')) {
    stdout.write(helpOf(name, command));
    return EXIT_CODES.ok;
  }
  if (positionals.length !== command.positionals.length) {
    const wanted = command.positionals.join(' ') || 'no arguments';
    throw new CommandError(EXIT_CODES.usage, `${name} takes ${wanted}; see plugin-host ${name} --help`);
  }
  using session = openSession(given.choice('log-level', PLUGIN_LOG_LEVELS, command.logLevel ?? 'warn'));
  try {
    return await command.run(given, positionals, session);
  } catch (error) {
    if (session.signal.aborted) return EXIT_CODES.interrupted;
    throw error;
  }
}

function parse(name: string, command: Command, args: readonly string[]) {
  const options = Object.entries({ ...command.options, ...COMMON }).map(([option, { value, short, multiple }]) => {
    const type = value === undefined ? ('boolean' as const) : ('string' as const);
    return [option, { type, ...(short !== undefined && { short }), ...(multiple && { multiple }) }] as const;
  });
  try {
    const config: ParseArgsOptionsConfig = Object.fromEntries(options);
    return parseArgs({ args: [...args], options: config, allowPositionals: true });
  } catch (error) {
    // Node's text names the option; of its value it says nothing.
    throw new CommandError(EXIT_CODES.usage, `${name}: ${(error as Error).message}; see plugin-host ${name} --help`);
  }
}

function overview(): string {
  const examples = Object.values(COMMANDS).flatMap(({ examples: [first = ''] }) => [`  ${first}`]);
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`);
  const rest = ['', 'plugin-host COMMAND --help tells more.', ''];
  return ['Examples:', ...examples, '', 'Commands:', ...commands, ...rest].join('\n');
}

function helpOf(name: string, { summary, usage, examples, options }: Command): string {
  const all = Object.entries({ ...options, ...COMMON }).map(([option, { value, help }]) => {
    const flag = value === undefined ? `--${option}` : `--${option} ${value}`;
    return `  ${flag.padEnd(24)} ${help}`;
  });
  const lines = examples.map((example) => `  ${example}`);
  return [
    `plugin-host ${name}: ${summary}`,
    '',
    ...lines,
    '',
    `Usage: plugin-host ${name} ${usage}`,
    '',
    ...all,
    '',
  ].join('\n');
}
