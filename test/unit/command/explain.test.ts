import { ERROR_TABLE } from '../../../src/rpc/error-table.ts';
import { command } from '../../../src/command/explain.ts';
import { COMMANDS } from '../../../src/command/command-table.ts';
import { CommandInput } from '../../../src/command/command-input.ts';
import { createLayout } from '../../../src/command/layout.ts';

const ROW = COMMANDS.find(({ name }) => name === 'explain')!;

/** The text for people. */
async function explain(wanted?: string): Promise<string> {
  const input = new CommandInput(ROW, { options: {}, arguments: { CLASS: wanted } });
  let text = '';
  const print = (result: never): void => {
    command.result.parse(result);
    text = command.text(result, createLayout(undefined));
  };
  await command.run(input, { print } as Parameters<typeof command.run>[1]);
  return text.replaceAll(/\s+/g, ' ');
}

test.each(Object.entries(ERROR_TABLE))('R-CMD-19 %s is explained, by its name and by its reason', async (name, row) => {
  const text = await explain(name);
  for (const part of [name, row.reason, row.cause, row.remedy]) expect(text).toContain(part);
  expect(text).toMatch(row.cmkState === '-' ? /do not meet it/ : new RegExp(`as ${row.cmkState}`));
  const byReason = await explain(row.reason);
  // Two classes may share a reason: both are listed then.
  const sharing = Object.values(ERROR_TABLE).filter(({ reason }) => reason === row.reason);
  if (sharing.length === 1) expect(byReason).toBe(text);
  else expect(byReason).toContain(name);
});

test('R-CMD-19 without a class all are listed', async () => {
  const text = await explain();
  for (const [name, { cause }] of Object.entries(ERROR_TABLE)) expect(text).toContain(`${name} ${cause}`);
});
