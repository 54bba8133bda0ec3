import { readFile } from 'node:fs/promises';
import type { BuildInfo } from '../../src/build-info.ts';
import { capture } from '../run.ts';

/**
 * What the executable tells of its origin. Without git, or before the first commit, the parts that git knows are empty.
 * `SOURCE_DATE_EPOCH` (seconds) fixes the build time.
 */
export async function readBuildInfo(): Promise<BuildInfo> {
  const { name, version } = JSON.parse(await readFile('package.json', 'utf8')) as { name: string; version: string };
  const [branch, sha, remote] = await Promise.all([
    git('rev-parse', '--abbrev-ref', 'HEAD'),
    git('rev-parse', 'HEAD'),
    git('remote', 'get-url', 'origin'),
  ]);
  const { org = '', repo = '' } = parseRemote(remote);
  return { branch, org, product: name, repo, sha, version, buildTime: buildTime().toISOString() };
}

function buildTime(): Date {
  const { SOURCE_DATE_EPOCH } = process.env;
  if (!SOURCE_DATE_EPOCH) return new Date();
  if (!/^\d{1,12}$/.test(SOURCE_DATE_EPOCH)) throw new Error('SOURCE_DATE_EPOCH must be a number of seconds');
  return new Date(Number(SOURCE_DATE_EPOCH) * 1000);
}

/** Owner and name from `https://host/owner/name.git` or `git@host:owner/name.git`; a local path tells nothing. */
function parseRemote(url: string): { org?: string; repo?: string } {
  const match = /^(?:\w+:\/\/[^/]+\/|[\w.-]+@[\w.-]+:)(?<org>[\w./-]+)\/(?<repo>[\w.-]+?)(?:\.git)?$/.exec(url);
  return match?.groups ?? {};
}

async function git(...args: string[]): Promise<string> {
  return capture('git', args).then(
    (text) => text.trim(),
    () => '',
  );
}
