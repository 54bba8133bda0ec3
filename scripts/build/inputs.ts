import { createHash } from 'node:crypto';
import type { BuildInfo } from '../../src/build-info.ts';
import { readTree } from '../generate/file-tree.ts';
import { isThere } from '../run.ts';

const SOURCES = ['src', 'plugin-host', 'plugin-protocol', 'keystore-contract', 'proto/gen', 'scripts/build'];
const FILES = ['package-lock.json', 'package.json', 'scripts/build.ts'];

/** Changes whenever a build would give another result, the time of the build aside. `more` are files of one build alone. */
export async function hashInputs({ buildTime, ...origin }: BuildInfo, more: readonly string[] = []): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [...SOURCES, ...FILES, ...more]) {
    for (const [file, content] of await readTree(path)) hash.update(`${file} ${content.length}\n`).update(content);
  }
  const { SOURCE_DATE_EPOCH } = process.env;
  const time = SOURCE_DATE_EPOCH ? buildTime : '';
  const tools = [process.version, process.platform, process.arch, await isThere('strip', '--version')];
  return hash.update(JSON.stringify([origin, time, tools])).digest('hex');
}
