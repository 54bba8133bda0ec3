import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';

import { openbaoBinary } from '../../scripts/openbao/binary.ts';

/** No block needs longer; one that waits for ever does not outlive its test by much. */
const LIFETIME_MS = 120_000;

const TEXT = readFileSync('docs/operations.md', 'utf8');

/** The blocks of a section of docs/operations.md in one language, in their order. Those of its subsections are not among them. */
export function documentedBlocks(heading: string, language: string): string[] {
  const [, section = ''] = TEXT.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const own = section.split(/^#+ /m)[0] ?? '';
  const blocks = own.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'));
  return [...blocks].map((match) => match[1] ?? '');
}

/** The shell blocks of sections as one text, to be run from top to bottom. @throws Error when a section has none */
export function documentedCommands(...headings: readonly string[]): string {
  return headings
    .map((heading) => {
      const blocks = documentedBlocks(heading, 'sh');
      if (blocks.length === 0) throw new Error(`docs/operations.md: there are no commands in “${heading}”`);
      return blocks.join('');
    })
    .join('');
}

/** An OpenBao as its administrator reaches it. */
export interface Administered {
  readonly address: string;
  readonly caFile: string;
  readonly rootToken: string;
}

/**
 * A shell of an administrator in a folder, with `bao` and the built executables on its path. It stops at the first command
 * that fails, and answers what the block wrote to standard output.
 */
export function administratorShell(
  { address, caFile, rootToken }: Administered,
  folder: string,
): (block: string, variables?: Readonly<Record<string, string>>) => Promise<string> {
  return async (block, variables = {}) => {
    const PATH = [dirname(await openbaoBinary()), resolve('dist'), process.env.PATH].join(':');
    const env = { PATH, HOME: folder, BAO_ADDR: address, BAO_CACERT: caFile, BAO_TOKEN: rootToken, ...variables };
    const limits = { timeout: LIFETIME_MS, maxBuffer: 1 << 24 };
    const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', block], { cwd: folder, env, ...limits });
    return stdout;
  };
}
