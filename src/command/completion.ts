import { z } from 'zod';

import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { COMPLETIONS, type Shell } from './completions.ts';

export const command = defineCommand({
  result: z.strictObject({ shell: z.string(), script: z.string().describe('To be read by the shell.') }),
  text: ({ script }) => script,
  run(input, { commands, print }) {
    const shell = input.argument('SHELL') as Shell;
    print({ shell, script: COMPLETIONS[shell](commands) });
    return Promise.resolve(EXIT.ok);
  },
});
