import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { renderConfigurationTable } from '../../../scripts/generate/configuration-table.ts';
import { renderContract } from '../../../scripts/generate/contract.ts';
import { renderErrorTable } from '../../../scripts/generate/error-table.ts';
import { openScratchFolder } from '../../../scripts/scratch.ts';
import { renderFailures } from '../../../scripts/generate/failure-table.ts';
import { type Failure, FAILURES } from '../../../scripts/generate/failures.ts';
import { parseConfiguration } from '../../../src/config/parse.ts';
import { ERROR_TABLE } from '../../../src/rpc/error-table.ts';

function leafKeys(value: unknown, prefix = ''): string[] {
  return Object.entries(value as Record<string, unknown>).flatMap(([name, member]) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? leafKeys(member, `${prefix}${name}.`)
      : [`${prefix}${name}`],
  );
}

test('R-CONF-13 the configuration table has a row for every key of a parsed configuration, with its default', async () => {
  const table = await renderConfigurationTable();
  const configuration = parseConfiguration('', { type: 'KeystoreInstanceKeyOperation' });
  for (const key of leafKeys(configuration)) expect(table).toContain(`| \`${key}\``);
  for (const [name, value] of Object.entries(configuration.limits)) {
    expect(table).toMatch(new RegExp(`\\| \`limits\\.${name}\` \\| integer \\d+–\\d+ \\| \`${value}\` \\| .+ \\|\\n`));
  }
});

test('the error table has an answer, a cause and a remedy for every class', () => {
  const table = renderErrorTable();
  for (const [name, row] of Object.entries(ERROR_TABLE)) {
    expect(table).toMatch(new RegExp(`^\\| \`${name}\` \\| \`${row.reason}\`.*\\| ${row.logLevel} \\|$`, 'm'));
    expect(table).toContain(`| \`${name}\` | ${row.cause} | ${row.remedy} |`);
  }
});

test('the error table tells what the plugin sends again, the pause of a repetition, and the detail of a refusal', () => {
  const table = renderErrorTable().split('\n');
  const cells = (name: string) => (table.find((row) => row.startsWith(`| \`${name}\``)) ?? '').split(' | ').slice(1);
  expect(cells('unreachable').slice(-4)).toEqual(['logins, reads, use of keys', 'later', 'UNKNOWN', 'warn |']);
  expect(cells('server-error').slice(-4)).toEqual(['reads, use of keys', 'later', 'UNKNOWN', 'warn |']);
  expect(cells('overloaded').slice(-4)).toEqual(['–', 'later, 100 ms', 'UNKNOWN', 'warn |']);
  expect(cells('address-not-allowed')[0]).toBe('`CANNOT_PARSE_DATA`, `detail` NOT_ALLOWED');
});

test('the listing of the contract has every service, message, enum and field of proto/', async () => {
  await using folder = await openScratchFolder(join(tmpdir(), 'contract-'));
  const text = await renderContract(folder.path);
  const sources = readdirSync('proto', { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^(plugin\/keystore|service)\/.*\.proto$/.test(file),
  );
  expect(sources.length).toBeGreaterThan(5);
  for (const source of sources) {
    const { names, fields } = declared(readFileSync(join('proto', source), 'utf8'));
    expect(text).toContain(`proto/${source}\n`);
    for (const name of names) expect(text).toMatch(new RegExp(`^### (Service |\\w+\\.)?${name}$`, 'm'));
    for (const [field, number] of fields) expect(text).toMatch(new RegExp(`^\\| ${number} \\| \`${field}\``, 'm'));
  }
  expect(text).toContain('| 1 | `transformed_access_data` | map of string to bytes |');
  expect(text).toContain('| 3 | `associated_data` | optional bytes |');
  expect(text).toContain(
    '| 1 | `versions` | repeated `GetKeyVersionsResponse.KeyVersion` | Ascending, at least one. |',
  );
});

/** What a .proto file declares, by its text alone. */
function declared(source: string): { names: string[]; fields: [name: string, number: string][] } {
  const names = [...source.matchAll(/^\s*(?:service|message|enum) (\w+)/gm)].map(([, name = '']) => name);
  const fields = [...source.matchAll(/ (\w+) = (\d+)(?: \[.*\])?;/g)].map(
    ([, name = '', number = '']): [string, string] => [name, number],
  );
  return { names, fields };
}

describe('R-OPS-04 the table of failures', () => {
  const failures: readonly Failure[] = Object.values(FAILURES).flat();

  // Made by the caller alone; nobody has to recover from them.
  const CALLERS_OWN = new Set(['not-configured', 'invalid-request', 'cancelled']);

  test('has every class that needs an operator or changes what CMK shows, with its signals', () => {
    const table = renderFailures();
    const needed = Object.entries(ERROR_TABLE).filter(
      ([name, { cmkState, logLevel }]) => !CALLERS_OWN.has(name) && (cmkState !== '-' || logLevel === 'error'),
    );
    expect(needed.length).toBeGreaterThan(20);
    for (const [name, { cmkState, logLevel, reason }] of needed)
      expect(table).toContain(`\`${name}\` (\`${reason}\`, ${logLevel}${cmkState === '-' ? '' : `, CMK ${cmkState}`})`);
  });

  test('names log lines that the plugin writes', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join('src', name), 'utf8'))
      .join('');
    const messages = failures.flatMap(({ logs = [] }) => logs);
    expect(messages.length).toBeGreaterThan(5);
    for (const message of messages) expect(sources).toContain(`'${message}'`);
  });

  test('has a signal for every cause', () => {
    for (const { classes = [], logs = [], signs = [] } of failures)
      expect(classes.length + logs.length + signs.length).toBeGreaterThan(0);
  });
});
