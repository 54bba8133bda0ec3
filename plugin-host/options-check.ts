import { serviceName } from './contract.ts';
import { type OptionProblem, PluginHostError } from './errors.ts';
import { hostServicesProblem } from './host-service.ts';
import { environmentNameProblem } from './launch/environment.ts';
import { PLUGIN_LOG_LEVELS, type PluginLogLevel } from './log-filter.ts';
import { HEALTH_LIMITS, limitProblem, type LimitTable, RESTART_LIMITS, TIME_LIMITS } from './limits.ts';

type Report = (path: string, problem: string) => void;

/** The options that `replace` may change. */
const REPLACEABLE = new Set([
  ...['file', 'sha256', 'args', 'configuration', 'environment'],
  ...['startTimeoutMs', 'initTimeoutMs', 'configureTimeoutMs'],
]);

/** Throws one `ERR_OPTIONS` that lists every problem. */
export function checkHostOptions(options: object): void {
  collect('plugin host options', (report) => {
    const { directory, plugins, logger, signal, socketDirectory, ...others } = options as Record<string, unknown>;
    reportUnknown(others, '', report);
    if (!isText(directory)) report('directory', 'must be a path');
    if (socketDirectory !== undefined && !isText(socketDirectory)) report('socketDirectory', 'must be a path');
    if (!isRecord(logger) || typeof logger.child !== 'function') report('logger', 'must be a logger');
    if (signal !== undefined && !(signal instanceof AbortSignal)) report('signal', 'must be an AbortSignal');
    if (!isRecord(plugins)) report('plugins', 'must be an object of plugins by name');
    const table = isRecord(plugins) ? plugins : {};
    for (const [name, entry] of Object.entries(table)) {
      const path = `plugins.${name}`;
      if (!isRecord(entry)) {
        report(path, 'must be an object');
        continue;
      }
      checkPlugin(entry, path, report);
      const problem = entry.backup === undefined ? undefined : backupProblem(name, entry, table);
      if (problem !== undefined) report(`${path}.backup`, problem);
    }
  });
}

/** The same for what `replace` is given. */
export function checkReplacement(name: string, type: string, changes: unknown): void {
  collect('replacement', (report) => {
    const path = `plugins.${name}`;
    if (!isRecord(changes)) {
      report(path, 'must be an object');
      return;
    }
    const entries = Object.entries(changes).filter(([, value]) => value !== undefined);
    reportUnknown(Object.fromEntries(entries.filter(([key]) => !REPLACEABLE.has(key))), `${path}.`, report);
    if (changes.file !== undefined && changes.sha256 === undefined) report(`${path}.sha256`, 'must come with file');
    checkProcess(Object.fromEntries(entries), type, path, report);
  });
}

function collect(what: string, check: (report: Report) => void): void {
  const problems: OptionProblem[] = [];
  check((path, problem) => problems.push({ path, problem }));
  if (problems.length === 0) return;
  const list = problems.map(({ path, problem }) => `${path} ${problem}`).join('; ');
  throw new PluginHostError('ERR_OPTIONS', `${what}: ${list}`, { problems });
}

function checkPlugin(entry: Record<string, unknown>, path: string, report: Report): void {
  const { contract, hostServices = [], restart, health, backup, logLevel, waitForReady, ...rest } = entry;
  const { file, sha256, args, configuration, environment, ...others } = rest;
  const isLimit = ([name]: [string, unknown]): boolean => Object.hasOwn(TIME_LIMITS, name);
  const numbers = Object.entries(others);
  reportUnknown(Object.fromEntries(numbers.filter((other) => !isLimit(other))), `${path}.`, report);
  checkContract(contract, `${path}.contract`, report);
  const type = isRecord(contract) && isText(contract.type) ? contract.type : '';
  checkProcess({ file: file ?? '', sha256: sha256 ?? '', args, configuration, environment }, type, path, report);
  checkLimits(TIME_LIMITS, Object.fromEntries(numbers.filter(isLimit)), `${path}.`, report);
  checkGroup(RESTART_LIMITS, restart, `${path}.restart`, report);
  if (isRecord(restart)) checkBackoff(restart, `${path}.restart`, report);
  checkGroup(HEALTH_LIMITS, health, `${path}.health`, report);
  const services = hostServicesProblem(hostServices);
  if (services !== undefined) report(`${path}.hostServices`, services);
  if (backup !== undefined && !isText(backup)) report(`${path}.backup`, 'must be the name of another plugin');
  if (logLevel !== undefined && !PLUGIN_LOG_LEVELS.includes(logLevel as PluginLogLevel)) {
    report(`${path}.logLevel`, `must be one of ${PLUGIN_LOG_LEVELS.join(', ')}`);
  }
  if (waitForReady !== undefined && typeof waitForReady !== 'boolean') {
    report(`${path}.waitForReady`, 'must be true or false');
  }
}

/** What is given of what a process is made from. */
function checkProcess(values: Record<string, unknown>, type: string, path: string, report: Report): void {
  const { file, sha256, args = [], configuration = '', environment = {}, ...others } = values;
  if (file !== undefined && !isText(file)) report(`${path}.file`, 'must be the name of an executable');
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256))) {
    report(`${path}.sha256`, 'must be the SHA-256 of the executable in 64 hex digits');
  }
  if (!isTextArray(args, /^[^\0]*$/)) report(`${path}.args`, 'must be a list of strings');
  if (typeof configuration !== 'string') report(`${path}.configuration`, 'must be a string');
  checkEnvironment(environment, type, `${path}.environment`, report);
  checkLimits(TIME_LIMITS, others, `${path}.`, report);
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

function checkEnvironment(environment: unknown, cookie: string, path: string, report: Report): void {
  if (!isRecord(environment)) {
    report(path, 'must be an object');
    return;
  }
  const { pass = [], set = {}, ...others } = environment;
  reportUnknown(others, `${path}.`, report);
  if (!isTextArray(pass, /./)) report(`${path}.pass`, 'must be a list of names');
  else {
    for (const name of pass) {
      const problem = environmentNameProblem(name, 'pass', cookie);
      if (problem !== undefined) report(`${path}.pass`, `${JSON.stringify(name)} ${problem}`);
    }
  }
  if (!isRecord(set)) report(`${path}.set`, 'must be an object');
  for (const [name, value] of isRecord(set) ? Object.entries(set) : []) {
    const problem = environmentNameProblem(name, 'set', cookie);
    if (problem !== undefined) report(`${path}.set`, `${JSON.stringify(name)} ${problem}`);
    if (typeof value !== 'string' || value.includes('\0')) report(`${path}.set.${name}`, 'must be a string');
  }
}

function checkGroup(table: LimitTable, values: unknown, path: string, report: Report): void {
  if (values === undefined) return;
  if (!isRecord(values)) {
    report(path, 'must be an object');
    return;
  }
  const entries = Object.entries(values);
  reportUnknown(Object.fromEntries(entries.filter(([name]) => !Object.hasOwn(table, name))), `${path}.`, report);
  checkLimits(table, values, `${path}.`, report);
}

function checkLimits(table: LimitTable, values: Record<string, unknown>, prefix: string, report: Report): void {
  for (const [name, limit] of Object.entries(table)) {
    const problem = values[name] === undefined ? undefined : limitProblem(limit, values[name]);
    if (problem !== undefined) report(`${prefix}${name}`, problem);
  }
}

function checkBackoff(restart: Record<string, unknown>, path: string, report: Report): void {
  const { minBackoffMs = RESTART_LIMITS.minBackoffMs.standard, maxBackoffMs = RESTART_LIMITS.maxBackoffMs.standard } =
    restart;
  if (Number(minBackoffMs) > Number(maxBackoffMs)) report(`${path}.minBackoffMs`, 'must not exceed maxBackoffMs');
}

function backupProblem(
  name: string,
  { backup, contract }: Record<string, unknown>,
  table: Record<string, unknown>,
): string | undefined {
  if (!isText(backup)) return undefined;
  if (backup === name) return 'must be the name of another plugin';
  const other = Object.hasOwn(table, backup) ? table[backup] : undefined;
  if (!isRecord(other)) return 'must be the name of another plugin';
  if (other.backup !== undefined) return 'must be a plugin without a backup of its own';
  return sameContract(contract, other.contract) ? undefined : 'must be a plugin with the same contract';
}

/** Whether the clients of the first can speak to a plugin of the second. */
function sameContract(first: unknown, second: unknown): boolean {
  if (first === second) return true;
  if (!isRecord(first) || !isRecord(second) || first.type !== second.type) return false;
  const [ours, theirs] = [definitions(first), definitions(second)];
  return ours.every((definition) => theirs.includes(definition));
}

function definitions({ services }: Record<string, unknown>): unknown[] {
  return isRecord(services)
    ? Object.values(services).map((service) => (isRecord(service) ? service.definition : undefined))
    : [];
}

function reportUnknown(values: object, prefix: string, report: Report): void {
  for (const name of Object.keys(values)) report(`${prefix}${name}`, 'is not known');
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
