import { readCertificatePem } from '../../plugin-protocol/certificate.ts';
import { readBoundedFile } from '../config/bounded-file.ts';
import { formatPath } from '../config/configuration-error.ts';
import type { PluginConfiguration } from '../config/configuration.ts';
import { initialEnvironment } from '../config/initial-environment.ts';
import { isReadableByOthers } from '../config/secret-file.ts';
import { Secret } from '../config/secret.ts';
import { readSourceRef, type SourceRef, SourceRefError } from '../config/source-ref.ts';
import { type LocatedProblem, locateProblems } from './locate-problems.ts';

/** What is wrong with the files that a configuration names, and what is not good about them. */
export interface SourceFindings {
  readonly problems: readonly LocatedProblem[];
  readonly warnings: readonly LocatedProblem[];
}

/** Values that are secret, by the last step of their path. */
const SECRETS: ReadonlySet<string> = new Set(['secretId', 'secretIdWrapped', 'key', 'token', 'tokenPath']);
/** Values that must be certificates. */
const CERTIFICATES: ReadonlySet<string> = new Set(['ca', 'certificate']);

/** Reads everything that a configuration refers to, as a login would. No value is kept or shown. */
export async function inspectSources(configuration: PluginConfiguration, text: string): Promise<SourceFindings> {
  const readers = { readFile: readBoundedFile, environment: initialEnvironment() };
  const problems: { path: string; message: string }[] = [];
  const warnings: { path: string; message: string }[] = [];
  for (const { path, ref } of sourcesOf(configuration)) {
    const name = String(path.at(-1));
    const at = formatPath(path);
    try {
      const value = await readSourceRef(ref, readers);
      if (CERTIFICATES.has(name)) readCertificatePem(value.reveal());
    } catch (error) {
      const isSource = error instanceof SourceRefError;
      problems.push({ path: at, message: isSource ? error.message : 'holds no certificate in PEM' });
      continue;
    }
    if (!SECRETS.has(name) || ref.source !== 'file') continue;
    if (await isReadableByOthers(ref.file.path)) {
      warnings.push({ path: at, message: `everybody on the machine may read ${ref.file.path}` });
    }
  }
  return { problems: locateProblems(text, problems), warnings: locateProblems(text, warnings) };
}

interface Source {
  readonly path: readonly PropertyKey[];
  readonly ref: SourceRef;
}

function* sourcesOf(value: unknown, path: readonly PropertyKey[] = []): Generator<Source> {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return;
  if ('source' in value) {
    yield { path, ref: value as SourceRef };
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    if (name === 'tokenPath') yield { path: [...path, name], ref: { source: 'file', file: { path: String(member) } } };
    else yield* sourcesOf(member, [...path, step]);
  }
}
