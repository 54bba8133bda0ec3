import type { ArgumentRow, CommandRow, ValueRow } from './command.ts';
import { optionsOf } from './help.ts';
import { GROUPS, PROGRAM } from './program.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What makes each shell complete our command lines. All words are in the script: completing starts nothing. */
export const COMPLETIONS: Readonly<Record<Shell, (commands: readonly CommandRow[]) => string>> = { bash, zsh, fish };

const FUNCTION = `_${PROGRAM.replaceAll('-', '_')}`;

function bash(commands: readonly CommandRow[]): string {
  const options = commands.flatMap((row) =>
    optionsOf(row).flatMap(({ name, value }) =>
      value === undefined ? [] : [`    ${quoted(`${row.name} --${name}`)}) ${bashValue(value)} ;;`],
    ),
  );
  const words = commands.map((row) => {
    const switches = optionsOf(row).map(({ name }) => `--${name}`);
    return `    ${quoted(row.name)}) ${bashWords([...switches, ...choicesOf(row)], row.arguments.some(isPath))} ;;`;
  });
  const groups = Object.keys(GROUPS).map(
    (group) => `    ${quoted(group)}) ${bashWords(subcommands(commands, group), false)} ;;`,
  );
  return `# bash completion of ${PROGRAM}: source <(${PROGRAM} completion bash)
${FUNCTION}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  case $command in ${Object.keys(GROUPS).join('|')}) ((COMP_CWORD > 2)) && command+=" \${COMP_WORDS[2]}" ;; esac
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    ${bashWords([...topWords(commands), '--help', '--version'], false)}
    return
  fi
  case "$command $previous" in
${options.join('\n')}
    *) case $command in
${[...groups, ...words].map((line) => `    ${line}`).join('\n')}
      esac ;;
  esac
}
complete -F ${FUNCTION} ${PROGRAM}
`;
}

function bashWords(words: readonly string[], withFiles: boolean): string {
  const reply = `mapfile -t COMPREPLY < <(compgen -W ${quoted(words.join(' '))}${withFiles ? ' -f' : ''} -- "$current")`;
  return withFiles ? `compopt -o filenames; ${reply}` : reply;
}

function bashValue({ choices, path }: ValueRow): string {
  if (choices !== undefined) return bashWords(choices, false);
  if (path === undefined) return ':';
  const kind = path === 'file' ? '-f' : '-d';
  return `compopt -o filenames; mapfile -t COMPREPLY < <(compgen ${kind} -- "$current")`;
}

function zsh(commands: readonly CommandRow[]): string {
  const cases = commands.map((row) => {
    const options = optionsOf(row).map(({ help, name, value }) =>
      quoted(`--${name}[${zshText(help)}]${value === undefined ? '' : `:${value.name}:${zshValue(value)}`}`),
    );
    const values = row.arguments.map((argument) =>
      quoted(`${argument.many === true ? '*' : ''}:${argument.name}:${zshValue(argument)}`),
    );
    return `    ${quoted(row.name)}) _arguments ${[...options, ...values].join(' ')} ;;`;
  });
  const groups = Object.keys(GROUPS).map((group) => {
    const described = subcommands(commands, group).map((word) =>
      quoted(`${word}:${zshText(summaryOf(commands, `${group} ${word}`))}`),
    );
    return `      ${group}) if ((CURRENT == 2)); then commands=(${described.join(' ')}); _describe command commands; return; fi
        command+=" $words[2]"; shift words; ((CURRENT--)) ;;`;
  });
  const top = topWords(commands).map((word) => quoted(`${word}:${zshText(GROUPS[word] ?? summaryOf(commands, word))}`));
  return `#compdef ${PROGRAM}
# zsh completion of ${PROGRAM}: source <(${PROGRAM} completion zsh)
${FUNCTION}() {
  local -a commands
  shift words; ((CURRENT--))
  if ((CURRENT == 1)); then
    commands=(${top.join(' ')})
    _describe command commands
    return
  fi
  local command=$words[1]
  case $command in
${groups.join('\n')}
  esac
  case $command in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == ${FUNCTION} ]]; then ${FUNCTION} "$@"; else compdef ${FUNCTION} ${PROGRAM}; fi
`;
}

function zshValue({ choices, path }: ValueRow): string {
  if (choices !== undefined) return `(${choices.join(' ')})`;
  return path === undefined ? ' ' : path === 'file' ? '_files' : '_files -/';
}

/** Brackets and colons have a meaning there. */
function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, (sign) => `\\${sign}`);
}

function fish(commands: readonly CommandRow[]): string {
  const top = topWords(commands).map(
    (word) =>
      `complete -c ${PROGRAM} -n __fish_use_subcommand -f -a ${word} -d ${quoted(GROUPS[word] ?? summaryOf(commands, word))}`,
  );
  const groups = Object.keys(GROUPS).flatMap((group) => {
    const words = subcommands(commands, group);
    const condition = quoted(
      `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${words.join(' ')}`,
    );
    return words.map(
      (word) =>
        `complete -c ${PROGRAM} -n ${condition} -f -a ${word} -d ${quoted(summaryOf(commands, `${group} ${word}`))}`,
    );
  });
  const rows = commands.flatMap((row) => {
    const [first = '', second] = row.name.split(' ');
    const seen = [first, ...(second === undefined ? [] : [second])];
    const condition = quoted(seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and '));
    const line = (rest: string): string => `complete -c ${PROGRAM} -n ${condition} ${rest}`;
    return [
      ...optionsOf(row).map(({ help, name, value }) => line(`-l ${name} ${fishValue(value)}-d ${quoted(help)}`)),
      ...row.arguments.map((argument) => line(`${fishArgument(argument)}-d ${quoted(argument.help)}`)),
    ];
  });
  return `# fish completion of ${PROGRAM}: ${PROGRAM} completion fish | source
${[...top, ...groups, ...rows].join('\n')}
`;
}

function fishValue(value: ValueRow | undefined): string {
  if (value === undefined) return '';
  if (value.choices !== undefined) return `-x -a ${quoted(value.choices.join(' '))} `;
  return value.path === undefined ? '-x ' : '-r ';
}

function fishArgument({ choices, path }: ArgumentRow): string {
  if (choices !== undefined) return `-f -a ${quoted(choices.join(' '))} `;
  return path === undefined ? '-f ' : '-F ';
}

function topWords(commands: readonly CommandRow[]): readonly string[] {
  return [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
}

function subcommands(commands: readonly CommandRow[], group: string): readonly string[] {
  return commands.flatMap(({ name }) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []));
}

function summaryOf(commands: readonly CommandRow[], name: string): string {
  return commands.find((row) => row.name === name)?.summary ?? '';
}

function choicesOf(row: CommandRow): readonly string[] {
  return row.arguments.flatMap(({ choices = [] }) => choices);
}

function isPath({ path }: ArgumentRow): boolean {
  return path !== undefined;
}

/** For any of the three shells, as long as nothing in it is a single quote: the typographic one is used in texts. */
function quoted(text: string): string {
  if (text.includes("'")) throw new Error(`cannot be quoted for a shell: ${text}`);
  return `'${text}'`;
}
