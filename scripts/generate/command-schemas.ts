import { z } from 'zod';

import { COMMANDS } from '../../src/command/command-table.ts';
import type { CommandRow } from '../../src/command/command.ts';
import { PROGRAM } from '../../src/command/program.ts';
import type { FileTree } from './file-tree.ts';

/** Where the schemas of the commands' JSON are. */
export const SCHEMA_FOLDER = 'docs/reference/schemas';

/** Name of the file that says what a command's JSON looks like. */
export function schemaFile({ name }: Pick<CommandRow, 'name'>): string {
  return `${name.replace(' ', '-')}.schema.json`;
}

/** A JSON Schema for what each command prints with `--output json`. */
export async function commandSchemas(): Promise<FileTree> {
  const entries = COMMANDS.map(async (row) => {
    const { command } = await row.load();
    const { $schema, ...schema } = z.toJSONSchema(command.result);
    const text = JSON.stringify({ $schema, title: `${PROGRAM} ${row.name} --output json`, ...schema }, null, 2);
    return [`${SCHEMA_FOLDER}/${schemaFile(row)}`, Buffer.from(`${text}\n`)] as const;
  });
  return new Map(await Promise.all(entries));
}
