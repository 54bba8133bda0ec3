import { tmpdir } from 'node:os';

import { type PluginContract, serviceName } from './contract.ts';
import { type OptionProblem, PluginHostError } from './errors.ts';
import { environmentNameProblem, type PluginEnvironmentOptions } from './launch/environment.ts';
import type { HostLogger } from './log-relay.ts';

/** Each with its default and the range it may take, in ms. */
export const TIME_LIMITS = {
  startTimeoutMs: { standard: 60_000, max: 600_000 },
  initTimeoutMs: { standard: 30_000, max: 600_000 },
  configureTimeoutMs: { standard: 30_000, max: 600_000 },
  callTimeoutMs: { standard: 10_000, max: 3_600_000 },
  drainTimeoutMs: { standard: 10_000, max: 600_000 },
  deinitTimeoutMs: { standard: 10_000, max: 60_000 },
  shutdownTimeoutMs: { standard: 2000, max: 60_000 },
} as const;

type TimeLimits = { readonly [Name in keyof typeof TIME_LIMITS]: number };

/** One plugin of a host. */
export interface PluginOptions<Contract extends PluginContract = PluginContract> {
  readonly contract: Contract;
  /** The executable, relative to the plugins directory or absolute; after symlinks it must lie inside. */
  readonly file: string;
  /** SHA-256 of the executable, 64 hex digits. */
  readonly sha256: string;
  readonly args?: readonly string[];
  /** Handed to the plugin's `Configure` as it is. Default empty. */
  readonly configuration?: string;
  /** The plugin's environment; default nothing but go-plugin's own variables. */
  readonly environment?: PluginEnvironmentOptions;
  /** From the start of the process to the connection. Default 60 000, as in go-plugin. */
  readonly startTimeoutMs?: number;
  /** Default 30 000, at most 600 000. */
  readonly initTimeoutMs?: number;
  /** Default 30 000, at most 600 000. */
  readonly configureTimeoutMs?: number;
  /** For calls that bring no time of their own. Default 10 000. */
  readonly callTimeoutMs?: number;
  /** How long `close` waits for calls in flight. Default 10 000. */
  readonly drainTimeoutMs?: number;
  /** Default 10 000, at most 60 000. */
  readonly deinitTimeoutMs?: number;
  /** For the answer to `Shutdown`; after it the process has 2 s to end. Default 2 000. */
  readonly shutdownTimeoutMs?: number;
}

/** Plugins by the names the host gives them. */
export type PluginTable = Readonly<Record<string, PluginOptions>>;

/** What `startPluginHost` takes. */
export interface PluginHostOptions<Plugins extends PluginTable = PluginTable> {
  /** The plugins directory. It and what leads from it to an executable belong to root or this user, who alone can write. */
  readonly directory: string;
  readonly plugins: Plugins;
  /** Where the host and its plugins log; each entry has the plugin's name in `plugin`. */
  readonly logger: HostLogger;
  /** Closes the host when it aborts. */
  readonly signal?: AbortSignal;
  /** Where the directories for sockets are made. Default the system's temporary directory. */
  readonly socketDirectory?: string;
}

/** The options of one plugin, complete. */
export interface PluginPlan extends TimeLimits {
  readonly name: string;
  readonly logger: HostLogger;
  readonly directory: string;
  readonly socketDirectory: string;
  readonly contract: PluginContract;
  readonly protocolVersions: readonly number[];
  readonly file: string;
  readonly sha256: string;
  readonly args: readonly string[];
  readonly configuration: string;
  readonly environment: PluginEnvironmentOptions;
}

type Report = (path: string, problem: string) => void;

/** The complete options of every plugin. Throws one `ERR_OPTIONS` that lists every problem. */
export function validateHostOptions(options: PluginHostOptions): readonly PluginPlan[] {
  const problems: OptionProblem[] = [];
  const report: Report = (path, problem) => problems.push({ path, problem });

  const { directory, plugins, logger, signal, socketDirectory = tmpdir(), ...others } = options;
  reportUnknown(others, '', report);
  if (!isText(directory)) report('directory', 'must be a path');
  if (!isText(socketDirectory)) report('socketDirectory', 'must be a path');
  if (!isRecord(logger) || typeof logger.child !== 'function') report('logger', 'must be a logger');
  if (signal !== undefined && !(signal instanceof AbortSignal)) report('signal', 'must be an AbortSignal');
  if (!isRecord(plugins)) report('plugins', 'must be an object of plugins by name');
  const entries = isRecord(plugins) ? Object.entries(plugins) : [];
  for (const [name, entry] of entries) checkPlugin(entry, `plugins.${name}`, report);

  if (problems.length > 0) {
    const list = problems.map(({ path, problem }) => `${path} ${problem}`).join('; ');
    throw new PluginHostError('ERR_OPTIONS', `plugin host options: ${list}`, { problems });
  }
  return entries.map(([name, entry]) => toPlan(name, entry, { directory, socketDirectory, logger }));
}

function toPlan(
  name: string,
  entry: PluginOptions,
  host: Pick<PluginPlan, 'directory' | 'socketDirectory' | 'logger'>,
): PluginPlan {
  const limits = Object.entries(TIME_LIMITS).map(
    ([limit, { standard }]) => [limit, entry[limit as keyof TimeLimits] ?? standard] as const,
  );
  return Object.freeze({
    ...(Object.fromEntries(limits) as TimeLimits),
    ...host,
    logger: host.logger.child({ plugin: name }),
    name,
    contract: entry.contract,
    protocolVersions: [...(entry.contract.protocolVersions ?? [1])],
    file: entry.file,
    sha256: entry.sha256,
    args: [...(entry.args ?? [])],
    configuration: entry.configuration ?? '',
    environment: { pass: [...(entry.environment?.pass ?? [])], set: { ...entry.environment?.set } },
  });
}

function checkPlugin(entry: unknown, path: string, report: Report): void {
  if (!isRecord(entry)) {
    report(path, 'must be an object');
    return;
  }
  const { contract, file, sha256, args = [], configuration = '', environment = {}, ...others } = entry;
  const { limits, unknown } = splitLimits(others);
  reportUnknown(unknown, `${path}.`, report);
  checkContract(contract, `${path}.contract`, report);
  if (!isText(file)) report(`${path}.file`, 'must be the name of an executable');
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256)) {
    report(`${path}.sha256`, 'must be the SHA-256 of the executable in 64 hex digits');
  }
  if (!isTextArray(args, /^[^\0]*$/)) report(`${path}.args`, 'must be a list of strings');
  if (typeof configuration !== 'string') report(`${path}.configuration`, 'must be a string');
  checkEnvironment(environment, isRecord(contract) ? contract.type : undefined, `${path}.environment`, report);
  for (const [name, value] of Object.entries(limits)) {
    const { max } = TIME_LIMITS[name as keyof TimeLimits];
    if (value !== undefined && !isLimit(value, max)) report(`${path}.${name}`, `must be 1 to ${max} ms`);
  }
}

function checkContract(contract: unknown, path: string, report: Report): void {
  if (!isRecord(contract)) {
    report(path, 'must be a contract');
    return;
  }
  const { type, protocolVersions = [1], services } = contract;
  const problem = isText(type) ? environmentNameProblem(type, 'set', '') : 'must be a plugin type';
  if (problem !== undefined) report(`${path}.type`, problem);
  if (!Array.isArray(protocolVersions) || protocolVersions.length === 0 || !protocolVersions.every(Number.isInteger)) {
    report(`${path}.protocolVersions`, 'must be a list of integers, not empty');
  }
  const list = isRecord(services) ? Object.entries(services) : [];
  if (list.length === 0) report(`${path}.services`, 'must name at least one service');
  for (const [name, service] of list) {
    const definition = isRecord(service) ? service.definition : undefined;
    if (!isRecord(definition) || serviceName(definition as never) === '') {
      report(`${path}.services.${name}.definition`, 'must be a generated service definition');
    }
  }
}

function checkEnvironment(environment: unknown, cookie: unknown, path: string, report: Report): void {
  if (!isRecord(environment)) {
    report(path, 'must be an object');
    return;
  }
  const { pass = [], set = {}, ...others } = environment;
  reportUnknown(others, `${path}.`, report);
  const type = isText(cookie) ? cookie : '';
  if (!isTextArray(pass, /./)) report(`${path}.pass`, 'must be a list of names');
  else {
    for (const name of pass) {
      const problem = environmentNameProblem(name, 'pass', type);
      if (problem !== undefined) report(`${path}.pass`, `${JSON.stringify(name)} ${problem}`);
    }
  }
  if (!isRecord(set)) report(`${path}.set`, 'must be an object');
  for (const [name, value] of isRecord(set) ? Object.entries(set) : []) {
    const problem = environmentNameProblem(name, 'set', type);
    if (problem !== undefined) report(`${path}.set`, `${JSON.stringify(name)} ${problem}`);
    if (typeof value !== 'string' || value.includes('\0')) report(`${path}.set.${name}`, 'must be a string');
  }
}

function splitLimits(values: Record<string, unknown>): {
  limits: Record<string, unknown>;
  unknown: Record<string, unknown>;
} {
  const isLimitName = ([name]: [string, unknown]): boolean => Object.hasOwn(TIME_LIMITS, name);
  const entries = Object.entries(values);
  return {
    limits: Object.fromEntries(entries.filter(isLimitName)),
    unknown: Object.fromEntries(entries.filter((entry) => !isLimitName(entry))),
  };
}

function reportUnknown(values: object, prefix: string, report: Report): void {
  for (const name of Object.keys(values)) report(`${prefix}${name}`, 'is not known');
}

/** Whether a number of ms can be waited for. */
export function isLimit(value: unknown, max: number): value is number {
  return typeof value === 'number' && value >= 1 && value <= max;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function isTextArray(value: unknown, pattern: RegExp): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && pattern.test(item));
}
