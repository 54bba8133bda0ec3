import { renderConfigurationTable } from '../../../scripts/generate/configuration-table.ts';
import { renderErrorTable } from '../../../scripts/generate/error-table.ts';
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
