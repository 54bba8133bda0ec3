import { z } from 'zod';

import { ConfigurationError } from '../config/configuration-error.ts';
import { parseConfiguration } from '../config/parse.ts';
import { defineCommand } from './command.ts';
import { type ConfigurationFile, formatProblem, readConfigurationFile } from './configuration-file.ts';
import { EXIT } from './exit-codes.ts';
import { inspectSources } from './inspect-sources.ts';
import { isStory4, translateStory4 } from './story4.ts';

const problem = z.strictObject({
  line: z.int().optional().describe('Line in the file, from 1; absent when the problem is of the whole.'),
  path: z.string().describe('Path of the key.'),
  message: z.string().describe('What is wrong, or what is expected.'),
});

const result = z.strictObject({
  file: z.string(),
  type: z.string().describe('Plugin type that it was checked for.'),
  valid: z.boolean(),
  problems: z.array(problem),
  warnings: z.array(problem),
  translation: z.string().optional().describe('YAML that says the same, of a document of Story 4.'),
});

type Result = z.output<typeof result>;

export const command = defineCommand({
  result,
  text(found, { paint }) {
    const { file, problems, translation, type, valid, warnings } = found;
    const line = (kind: string) => (each: Result['problems'][number]) => `${file}${formatProblem(each)}${kind}\n`;
    const told = [...problems.map(line('')), ...warnings.map(line(' (warning)'))].join('');
    if (valid && translation !== undefined) return `${told}${translation}`;
    const verdict = valid ? paint('green', 'valid') : paint('red', 'not valid');
    return `${told}${file}: ${verdict} for ${type}\n`;
  },
  async run(input, { print }) {
    const file = input.argument('FILE') ?? '';
    const read = await readConfigurationFile(file, input.option('type'));
    const found = isStory4(read.document) ? translated(file, read) : await checked(file, read, !input.flag('no-files'));
    print(found);
    return found.valid ? EXIT.ok : EXIT.configuration;
  },
});

async function checked(file: string, read: ConfigurationFile, withFiles: boolean): Promise<Result> {
  const { configuration, text, type } = read;
  if (configuration === undefined) {
    return { file, type, valid: false, problems: [...read.problems], warnings: [] };
  }
  const { problems, warnings } = withFiles ? await inspectSources(configuration, text) : { problems: [], warnings: [] };
  return { file, type, valid: problems.length === 0, problems: [...problems], warnings: [...warnings] };
}

function translated(file: string, { document, type }: ConfigurationFile): Result {
  const translation = translateStory4(document);
  if ('problems' in translation) {
    return { file, type, valid: false, problems: [...translation.problems], warnings: [] };
  }
  const { keyId, yaml } = translation;
  const head = [
    '# Translated from the configuration of use case 007, Story 4.',
    ...(keyId === undefined ? [] : [`# Its key_name, ${JSON.stringify(keyId)}, is the key_id of each call.`]),
  ];
  const whole = `${head.join('\n')}\n${yaml}`;
  try {
    parseConfiguration(whole, { type });
    return { file, type, valid: true, problems: [], warnings: [], translation: whole };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { file, type, valid: false, problems: [...error.problems], warnings: [], translation: whole };
  }
}
