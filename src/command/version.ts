import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { arch, platform, versions } from 'node:process';

import { z } from 'zod';

import { PLUGIN_PROTOCOL_VERSION, PLUGIN_TYPES } from '../../keystore-contract/plugin-types.ts';
import { CORE_PROTOCOL_VERSION } from '../../plugin-protocol/handshake.ts';
import { type CommandContext, defineCommand } from './command.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import { definitions } from './layout.ts';

const result = z.strictObject({
  product: z.string(),
  version: z.string(),
  commit: z.string().describe('Hash of the commit; empty when it was not built from a repository.'),
  branch: z.string(),
  buildTime: z.string().describe('RFC 3339; empty when it was not built.'),
  runtime: z.string().describe('Version of the Node inside.'),
  platform: z.string(),
  pluginTypes: z.array(z.string()),
  protocolVersions: z.strictObject({ core: z.int(), application: z.int() }).describe('go-plugin’s, and OpenKCM’s.'),
  checksum: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('SHA-256 of the file; with --checksum only.'),
});

export const command = defineCommand({
  result,
  text({ checksum, ...facts }, layout) {
    if (checksum !== undefined) return `checksum: ${checksum}\n`;
    const { branch, buildTime, commit, product, protocolVersions, version } = facts;
    const rows: [string, string][] = [
      ['commit', `${commit === '' ? 'unknown' : commit}${branch === '' ? '' : ` (${branch})`}`],
      ['built', buildTime === '' ? 'unknown' : buildTime],
      ['runtime', `Node ${facts.runtime}, ${facts.platform}`],
      ['protocol', `go-plugin ${protocolVersions.core}, application ${protocolVersions.application}, gRPC`],
      ['types', facts.pluginTypes.join(', ')],
    ];
    return `${layout.paint('bold', `${product} ${version}`)}\n${definitions(rows, layout, { style: 'dim' })}`;
  },
  async run(input, { buildInfo, print, program }) {
    print({
      product: buildInfo.product,
      version: buildInfo.version,
      commit: buildInfo.sha,
      branch: buildInfo.branch,
      buildTime: buildInfo.buildTime,
      runtime: versions.node,
      platform: `${platform}-${arch}`,
      pluginTypes: Object.keys(PLUGIN_TYPES),
      protocolVersions: { core: CORE_PROTOCOL_VERSION, application: PLUGIN_PROTOCOL_VERSION },
      ...(input.flag('checksum') && { checksum: await checksumOf(program) }),
    });
    return EXIT.ok;
  },
});

/** Of the file that a host would be given: the program itself, or the script that runs in a Node. */
async function checksumOf(program: CommandContext<never>['program']): Promise<string> {
  const file = program.at(-1) ?? program[0];
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new CommandError(EXIT.unexpected, `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? ''})`);
  }
  return hash.digest('hex');
}
