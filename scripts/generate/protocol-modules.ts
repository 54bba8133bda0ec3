import { capture } from '../run.ts';
import { readTree, type FileTree } from './file-tree.ts';

/** What buf and ts-proto make of `proto/`, by its path in the repository. */
export async function protocolModules(scratch: string, folder: string): Promise<FileTree> {
  await capture('buf', ['generate', '--output', scratch]);
  return readTree(folder, scratch);
}
