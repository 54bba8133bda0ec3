import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { BUILD_INFO } from '../../src/build-info.ts';
import { createLayout } from '../../src/command/layout.ts';
import { runTool } from '../../src/command/run-tool.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** What the command `policy` prints with these arguments for a configuration. */
export async function printedPolicy(args: readonly string[], yaml: string): Promise<string> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'plugin.yaml');
  await writeFile(file, yaml);
  const output = { stdout: '', stderr: '' };
  const plain = createLayout(undefined);
  const code = await runTool({
    args: ['policy', ...args, '--config', file],
    layouts: { stdout: plain, stderr: plain },
    writeStdout: (text) => (output.stdout += text),
    writeStderr: (text) => (output.stderr += text),
    context: {
      signal: new AbortController().signal,
      program: [process.execPath],
      buildInfo: BUILD_INFO,
      temporaryDirectory: folder.path,
      variables: {},
      on: () => undefined,
    },
  });
  if (code !== 0) throw new Error(output.stderr);
  return output.stdout;
}
