import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { builtBundle } from '../../support/built-plugin.ts';
import { bundle, startPlugin } from '../../support/plugin-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { runTool } from '../../support/tool.ts';

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly [Range, ...Range[]] }[];
  }[];
}
interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** A text that is in one function of a part of the bundle only. */
const PARTS: Readonly<Record<string, string>> = {
  commander: 'commander.unknownCommand',
  'the command table': 'straight into OpenBao',
  'the self-test': 'the first line of stdout is a handshake that a host takes',
};

/** Whether the code around the text ran, by V8's own count. */
async function ran(coverageFolder: string, text: string): Promise<boolean> {
  const source = await readFile(builtBundle(), 'utf8');
  const at = source.indexOf(text);
  expect(at).toBeGreaterThan(0);
  const counts: Range[] = [];
  for (const name of await readdir(coverageFolder)) {
    const { result } = JSON.parse(await readFile(`${coverageFolder}/${name}`, 'utf8')) as Coverage;
    const own = result.filter(({ url }) => url.startsWith('file:') && fileURLToPath(url) === builtBundle());
    const around = own.flatMap(({ functions }) => functions.map(({ ranges }) => ranges[0]));
    counts.push(...around.filter(({ endOffset, startOffset }) => startOffset <= at && at < endOffset));
  }
  expect(counts.length).toBeGreaterThan(0);
  const innermost = counts.reduce((one, other) =>
    other.endOffset - other.startOffset < one.endOffset - one.startOffset ? other : one,
  );
  return innermost.count > 0;
}

describe('R-CMD-22 what the tool needs', () => {
  test.each(Object.entries(PARTS))('is not loaded by a plugin: %s', async (_, text) => {
    await using folder = await temporaryFolder();
    await using plugin = await startPlugin({ program: bundle(), variables: { NODE_V8_COVERAGE: folder.path } });
    await plugin.stop();
    expect(await ran(folder.path, text)).toBe(false);
  });

  test.each(Object.entries(PARTS))('is loaded by the tool, so that the above can fail: %s', async (_, text) => {
    await using folder = await temporaryFolder();
    const line = text === PARTS.commander ? ['nonsense'] : ['handshake', '/nonexistent'];
    await runTool(line, { program: bundle(), variables: { NODE_V8_COVERAGE: folder.path } });
    expect(await ran(folder.path, text)).toBe(true);
  });
});
