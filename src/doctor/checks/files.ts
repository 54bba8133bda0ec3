import { stat } from 'node:fs/promises';

import type { PluginConfiguration } from '../../config/configuration.ts';
import { isReadableByOthers } from '../../config/secret-file.ts';
import { type SourceRef, SourceRefError } from '../../config/source-ref.ts';
import { type Check, failed, type Finding, ok, skipped, warning } from '../check.ts';
import type { Examination } from '../examination.ts';
import { lengthOfTime, worst } from '../wording.ts';

export const FILES_CHECKS: readonly Check[] = [
  {
    id: 'files.readable',
    title: 'what the configuration refers to can be read',
    needs: ['config.valid'],
    pre: true,
    cause: 'The file is not there, belongs to somebody else, or is empty; or the variable is not set.',
    fix: 'Put the file where the configuration looks for it, readable for the user of the plugin.',
    async examine(examination) {
      const sources = sourcesOf(examination.configuration());
      if (sources.length === 0) return ok('the configuration refers to nothing');
      return worst(await Promise.all(sources.map((source) => judgeReading(examination, source))));
    },
  },
  {
    id: 'files.mode',
    title: 'secrets are readable for the plugin alone',
    needs: ['files.readable'],
    pre: true,
    cause: 'The file of a secret may be read by everybody on this machine.',
    fix: 'Set its mode to 0600 and its owner to the user of the plugin.',
    async examine(examination) {
      const paths = secretPaths(examination.configuration());
      if (paths.length === 0) return skipped('no secret is in a file');
      const open: string[] = [];
      for (const path of paths) if (await isReadableByOthers(path)) open.push(path);
      return open.length === 0 ? ok(paths.join(', ')) : warning(`readable by everybody: ${open.join(', ')}`);
    },
  },
  {
    id: 'files.age',
    title: 'secrets are changed from time to time',
    needs: ['files.readable'],
    pre: true,
    cause: 'The secret in the file was not changed for long: whoever has seen it once can still use it.',
    fix: 'Draw a new secret, write it into the file, and destroy the old one; the plugin reads the file at its next login.',
    async examine(examination) {
      const paths = secretPaths(examination.configuration());
      if (paths.length === 0) return skipped('no secret is in a file');
      const ages = await Promise.all(paths.map((path) => judgeAge(path, examination.now())));
      return worst(ages);
    },
  },
];

const OLD_MS = 90 * 86_400_000;

async function judgeAge(path: string, now: number): Promise<Finding> {
  const age = now - (await stat(path)).mtimeMs;
  const text = `${path}: written ${lengthOfTime(age)} ago`;
  return age > OLD_MS ? warning(text) : ok(text);
}

interface Source {
  /** Key of the configuration. */
  readonly at: string;
  readonly ref: SourceRef;
  readonly isSecret: boolean;
}

async function judgeReading({ read }: Examination, { at, ref }: Source): Promise<Finding> {
  try {
    await read(ref);
    return ok(`${at}: can be read`);
  } catch (error) {
    if (error instanceof SourceRefError) return failed(`${at}: ${error.message}`);
    throw error;
  }
}

function secretPaths(configuration: PluginConfiguration): readonly string[] {
  return sourcesOf(configuration).flatMap(({ isSecret, ref }) =>
    isSecret && ref.source === 'file' ? [ref.file.path] : [],
  );
}

const SECRETS: ReadonlySet<string> = new Set(['auth.secretId', 'auth.secretIdWrapped', 'auth.key', 'auth.token']);

/** Everything that a configuration refers to. */
function sourcesOf({ auth, openbao, provider }: PluginConfiguration): readonly Source[] {
  const entries: (readonly [at: string, value: unknown])[] = [
    ['openbao.ca', openbao.ca],
    ...openbao.allowedAddresses.map(({ ca }, index) => [`openbao.allowedAddresses[${index}].ca`, ca] as const),
    ...Object.entries(auth).map(([name, value]) => [`auth.${name}`, value] as const),
    ['provider.ca', provider?.ca],
  ];
  const sources = entries.flatMap(([at, value]) =>
    isSource(value) ? [{ at, ref: value, isSecret: SECRETS.has(at) }] : [],
  );
  const hasTokenFile = auth.method === 'kubernetes' || auth.method === 'jwt';
  if (!hasTokenFile) return sources;
  return [
    ...sources,
    { at: 'auth.tokenPath', ref: { source: 'file', file: { path: auth.tokenPath } }, isSecret: true },
  ];
}

function isSource(value: unknown): value is SourceRef {
  return typeof value === 'object' && value !== null && 'source' in value;
}
