import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { SCHEMA_FOLDER, schemaFile } from '../../scripts/generate/command-schemas.ts';

/** The JSON of a command, checked against the schema that is published for it. */
export async function checkedJson<Result>(command: string, text: string): Promise<Result> {
  const published = await readFile(`${SCHEMA_FOLDER}/${schemaFile({ name: command })}`, 'utf8');
  const schema = z.fromJSONSchema(JSON.parse(published) as z.core.JSONSchema.JSONSchema);
  return schema.parse(JSON.parse(text)) as Result;
}
