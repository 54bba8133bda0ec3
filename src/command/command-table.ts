import type { CommandRow, OptionRow } from './command.ts';

/** The name of the executable. */
export const PROGRAM = 'keystoreop-openbao';

/** Options of every command. */
export const SHARED_OPTIONS: readonly OptionRow[] = [
  {
    name: 'output',
    value: { name: 'FORM', choices: ['text', 'json'] },
    byDefault: 'text',
    help: 'Form of the result.',
  },
  { name: 'help', help: 'This text.' },
];

/** Commands of two words, by the first of them. */
export const GROUPS: Readonly<Record<string, string>> = {};

/** All commands. To add one is to add its row here and its file. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'version',
    summary: 'what this file was built from, or its checksum',
    description:
      'Tells version, commit, build time and runtime. With --checksum it reads its own file and prints the line that CMK’s plugin configuration takes, which makes the host refuse any other file.',
    arguments: [],
    options: [{ name: 'checksum', help: 'Print the line `checksum: …` for CMK’s configuration.' }],
    examples: [
      { what: 'which build is this?', line: 'version' },
      { what: 'the line for the plugin’s entry in CMK’s configuration', line: 'version --checksum' },
    ],
    exitCodes: [],
    load: () => import('./version.ts'),
  },
];
