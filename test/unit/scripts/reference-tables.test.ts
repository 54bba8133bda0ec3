import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { renderConfigurationTable } from '../../../scripts/generate/configuration-table.ts';
import { renderErrorTable } from '../../../scripts/generate/error-table.ts';
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
    expect(table).toContain(`| \`${name}\` | \`${row.reason}\` |`);
    expect(table).toContain(`| \`${name}\` | ${row.cause} | ${row.remedy} |`);
  }
});

describe('the table of failures', () => {
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
