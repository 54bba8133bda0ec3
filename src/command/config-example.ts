import { z } from 'zod';

import { PLUGIN_TYPES, type PluginType } from '../../keystore-contract/plugin-types.ts';
import { configurationSchema } from '../config/configuration.ts';
import { defineCommand } from './command.ts';
import { CommandError } from './command-error.ts';
import { EXAMPLE_METHODS, exampleValues } from './example-values.ts';
import { EXIT } from './exit-codes.ts';
import { type JsonSchema, renderExample } from './render-example.ts';

export const command = defineCommand({
  result: z.strictObject({
    type: z.enum(Object.keys(PLUGIN_TYPES)),
    method: z.enum(EXAMPLE_METHODS),
    yaml: z.string().describe('A configuration with comments.'),
  }),
  text: ({ yaml }) => yaml,
  run(input, { print }) {
    const type = input.required('type') as PluginType;
    const method = (input.option('method') ??
      (type === 'KeystoreProvider' ? 'approle' : 'callCertificate')) as (typeof EXAMPLE_METHODS)[number];
    if (type === 'KeystoreProvider' && method === 'callCertificate') {
      throw new CommandError(EXIT.usage, 'the provider needs an identity of the process: choose another --method');
    }
    const { properties = {}, ...schema } = z.toJSONSchema(configurationSchema, { io: 'input' }) as JsonSchema;
    const { provider, ...common } = properties;
    const own = type === 'KeystoreProvider' && provider !== undefined ? { ...common, provider } : common;
    print({ type, method, yaml: renderExample({ ...schema, properties: own }, exampleValues(type, method)) });
    return Promise.resolve(EXIT.ok);
  },
});
