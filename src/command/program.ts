import type { OptionRow } from './command.ts';

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
export const GROUPS: Readonly<Record<string, string>> = {
  config: 'what the plugin’s configuration may say, and whether one is right',
};
