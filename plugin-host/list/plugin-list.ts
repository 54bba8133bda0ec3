import { resolve } from 'node:path';

import type { PluginContract } from '../contract.ts';
import { type OptionProblem, PluginHostError, systemErrorCode } from '../errors.ts';
import { environmentNameProblem } from '../launch/environment.ts';
import { PLUGIN_LOG_LEVELS } from '../log-filter.ts';
import type { PluginOptions } from '../options.ts';
import type { PluginHandle } from '../plugin-handle.ts';
import type { PluginHost } from '../plugin-host.ts';
import { readRegularFile } from '../regular-file.ts';
import { sha256OfFile } from '../sha256.ts';
import { decodeEntry, type DecodedEntry } from './decode.ts';

const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** The version of the plugin interface that CMK's catalog can ask for; 0 lets it choose. */
const VERSIONS = [0, 1];

/** One entry of a `plugins:` list that is to be started. */
export interface ListedPlugin<Contract extends PluginContract = PluginContract> {
  /** Its name in the host, of type and name. */
  readonly key: string;
  readonly name: string;
  readonly contract: Contract;
  /** In lower case. What they mean is CMK's business: `hyok`, `default_keystore`. */
  readonly tags: readonly string[];
  readonly options: PluginOptions<Contract>;
}

/** A `plugins:` list as the host takes it. */
export interface PluginList {
  /** For `startPluginHost`; find a plugin in the host by {@link listedPlugin}. */
  readonly plugins: Readonly<Record<string, PluginOptions>>;
  /** The same, in the order of the list. */
  readonly entries: readonly ListedPlugin[];
  /** What was accepted, and why somebody should look at it. */
  readonly warnings: readonly string[];
}

/** How a `plugins:` list is read. */
export interface PluginListOptions {
  /** What a plugin of each type serves; another type is refused. */
  readonly contracts: readonly PluginContract[];
  /** What a relative `path` begins at. Default: the working directory, as in CMK. */
  readonly directory?: string;
  /** Refuses entries without a checksum. Default false: the file is hashed now, and only these bytes are started. */
  readonly requireChecksums?: boolean;
  /** Which entries are wanted, by type and name. The others are judged, and then left out. Default: all. */
  readonly only?: (entry: { readonly name: string; readonly contract: PluginContract }) => boolean;
}

/**
 * Reads the `plugins:` list of CMK's configuration file, or a file that holds nothing but the list. It is accepted and
 * refused as by CMK's own loader and the Go catalog, with these differences: all problems are told at once; the names in
 * `env` keep their case; those that go-plugin sets itself are left out with a warning.
 *
 * Rejects with `ERR_OPTIONS`, which lists every problem, or `ERR_EXECUTABLE_NOT_FOUND` for an entry that has no checksum
 * and no file to make one from.
 */
export async function loadPluginList(file: string, options: PluginListOptions): Promise<PluginList> {
  return toPluginList(await readListFile(file), options, file);
}

/** The same for the text of such a file. */
export function readPluginList(yaml: string, options: PluginListOptions): Promise<PluginList> {
  return toPluginList(yaml, options, 'plugins list');
}

async function toPluginList(yaml: string, options: PluginListOptions, source: string): Promise<PluginList> {
  const { found, problems } = decodeList(await parseYaml(yaml, source), options);
  if (problems.length > 0) {
    const list = problems.map(({ path, problem }) => `${path} ${problem}`).join('; ');
    throw new PluginHostError('ERR_OPTIONS', `${source}: ${list}`, { problems });
  }
  const warnings: string[] = [];
  const plugins = new Map<string, ListedPlugin>();
  const { only = () => true } = options;
  for (const one of found.filter(({ contract, entry: { name } }) => only({ contract, name }))) {
    const key = keyOf(one.contract.type, one.entry.name);
    if (plugins.has(key)) {
      warnings.push(`${key} is in the list twice; nobody would ever reach the second, and it is not started`);
    } else {
      plugins.set(key, await toListed(one, key, warnings));
    }
  }
  return {
    plugins: Object.fromEntries([...plugins].map(([key, { options: one }]) => [key, one])),
    entries: [...plugins.values()],
    warnings,
  };
}

/** The plugin of a host that was started from a list, by type and name. Throws `ERR_OPTIONS` when there is none. */
export function listedPlugin<Contract extends PluginContract>(
  host: PluginHost,
  contract: Contract,
  name: string,
): PluginHandle<Contract> {
  return host.plugin(keyOf(contract.type, name)) as unknown as PluginHandle<Contract>;
}

function keyOf(type: string, name: string): string {
  return `${type}/${name}`;
}

async function readListFile(file: string): Promise<string> {
  try {
    return await readRegularFile(file, MAX_FILE_BYTES);
  } catch (error) {
    throw unreadable(`${file} cannot be read: ${systemErrorCode(error)}`);
  }
}

/** The parser's messages quote the text, which may hold more than plugins; its codes and lines do not. */
async function parseYaml(text: string, source: string): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    logLevel: 'error',
    prettyErrors: false,
    // As CMK's loader: merge keys count, and a number that is no float is exact.
    merge: true,
    intAsBigInt: true,
  });
  const [fault] = document.errors;
  if (fault) throw unreadable(`${source} is not valid YAML: ${fault.code} in line ${lines.linePos(fault.pos[0]).line}`);
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    throw unreadable(`${source} is not valid YAML: an alias without an anchor, or too many of them`);
  }
}

function unreadable(what: string): PluginHostError {
  return new PluginHostError('ERR_OPTIONS', what);
}

interface Found {
  readonly contract: PluginContract;
  readonly entry: DecodedEntry;
  readonly path: string;
}

function decodeList(document: unknown, { contracts, directory, requireChecksums }: PluginListOptions) {
  const problems: OptionProblem[] = [];
  const list = Array.isArray(document) ? (document as unknown[]) : toList(pluginsOf(document));
  if (list === undefined) problems.push({ path: 'plugins', problem: 'must be a list' });
  const found = (list ?? []).flatMap((value, index): Found[] => {
    const where = `plugins[${index}]`;
    const before = problems.length;
    const report = (key: string, problem: string): void => {
      problems.push({ path: key === '' ? where : `${where}.${key}`, problem });
    };
    const entry = decodeEntry(value, report);
    if (problems.length > before || entry.disabled) return [];
    const contract = contracts.find(({ type }) => type === entry.type);
    checkEntry(entry, requireChecksums === true, report);
    if (!contract) report('type', `unsupported plugin type; there are ${contracts.map(({ type }) => type).join(', ')}`);
    return contract ? [{ contract, entry, path: resolve(directory ?? '.', entry.path) }] : [];
  });
  return { found, problems };
}

function pluginsOf(document: unknown): unknown {
  if (typeof document !== 'object' || document === null) return document ?? [];
  const [, plugins = []] = Object.entries(document).find(([key]) => key.toLowerCase() === 'plugins') ?? [];
  return plugins as unknown;
}

/** As CMK's loader: nothing is an empty list, and one mapping a list of it. */
function toList(value: unknown): unknown[] | undefined {
  if (value === null || value === undefined || value === '') return [];
  if (Array.isArray(value)) return value as unknown[];
  if (typeof value !== 'object') return undefined;
  return Object.keys(value).length === 0 ? [] : [value];
}

function checkEntry(
  entry: DecodedEntry,
  mustHaveChecksum: boolean,
  report: (key: string, problem: string) => void,
): void {
  const { name, path, checksum, version } = entry;
  if (name === '') report('name', 'is missing');
  if (path === '') report('path', 'is missing; this host has no built-in plugins');
  if (checksum === '' && mustHaveChecksum) report('checksum', 'is missing');
  if (checksum !== '' && !/^[0-9a-f]{64}$/i.test(checksum)) {
    report('checksum', 'must be the SHA-256 of the executable in 64 hex digits');
  }
  if (!VERSIONS.includes(version)) report('version', `must be ${VERSIONS.join(' or ')}`);
}

async function toListed({ contract, entry, path }: Found, key: string, warnings: string[]): Promise<ListedPlugin> {
  const { name, args, env, checksum, yamlConfiguration, logLevel, tags } = entry;
  if (checksum === '') warnings.push(`${key} has no checksum; it is what its file holds now`);
  const level = PLUGIN_LOG_LEVELS.find((one) => one === logLevel.trim().toLowerCase());
  if (level === undefined && logLevel !== '') warnings.push(`${key} has an unknown logLevel, which counts as info`);
  const set = Object.entries(env).filter(([variable]) => {
    const problem = environmentNameProblem(variable, 'set', contract.type);
    if (problem !== undefined) warnings.push(`${key} does not get ${JSON.stringify(variable)}: it ${problem}`);
    return problem === undefined;
  });
  return {
    key,
    name,
    contract,
    tags: tags.map((tag) => tag.toLowerCase()),
    options: {
      contract,
      file: path,
      sha256: checksum === '' ? await sha256Of(path, key) : checksum,
      args,
      // White space alone counts as nothing, as in the catalog.
      configuration: yamlConfiguration.trim() === '' ? '' : yamlConfiguration,
      environment: { set: Object.fromEntries(set) },
      logLevel: level ?? 'info',
    },
  };
}

async function sha256Of(path: string, key: string): Promise<string> {
  try {
    return await sha256OfFile(path);
  } catch (error) {
    const text = `${key} of the plugins list: ${path}: ${systemErrorCode(error)}`;
    throw new PluginHostError('ERR_EXECUTABLE_NOT_FOUND', text, { path });
  }
}
