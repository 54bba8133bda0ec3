import { z } from 'zod';

import { configurationSchema } from '../config/configuration.ts';
import { defineCommand } from './command.ts';
import { EXIT } from './exit-codes.ts';

export const command = defineCommand({
  result: z.looseObject({ $schema: z.string() }).describe('A JSON Schema, draft 2020-12.'),
  text: (schema) => `${JSON.stringify(schema, null, 2)}\n`,
  run(_input, { print }) {
    const { $schema = '', ...schema } = z.toJSONSchema(configurationSchema, { io: 'input' });
    print({ $schema, title: 'yamlConfiguration of keystoreop-openbao', ...schema });
    return Promise.resolve(EXIT.ok);
  },
});
