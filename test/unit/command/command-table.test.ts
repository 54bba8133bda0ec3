import { COMMANDS } from '../../../src/command/command-table.ts';
import { CommandError } from '../../../src/command/command-error.ts';
import { EXIT_MEANINGS } from '../../../src/command/exit-codes.ts';
import { createLayout } from '../../../src/command/layout.ts';
import { parseCommandLine } from '../../../src/command/parser.ts';
import { GROUPS, PROGRAM } from '../../../src/command/program.ts';
import { renderCommandReference } from '../../../scripts/generate/command-reference.ts';
import { renderManPage } from '../../../scripts/generate/man-page.ts';

const LAYOUT = createLayout(undefined);

describe.each(COMMANDS.map((row) => [row.name, row] as const))('R-CMD-05 the command %s', (name, row) => {
  test('has examples first in its help, and each is a command line of this command', () => {
    const request = parseCommandLine([...name.split(' '), '--help'], LAYOUT);
    expect(request).toMatchObject({
      kind: 'help',
      text: expect.stringMatching(/^.*(?:\n.*)?\n\nExamples:\n/) as string,
    });
    expect(row.examples.length).toBeGreaterThan(0);
    for (const { line } of row.examples) {
      // What stands behind is for the shell.
      const own = line.replace(/ [|>].*/, '');
      expect(parseCommandLine(own.split(' '), LAYOUT)).toMatchObject({ kind: 'command', row });
    }
  });

  test('loads what does it, and ends with codes that have a meaning', async () => {
    const { command } = await row.load();
    expect(command.run).toBeInstanceOf(Function);
    for (const code of row.exitCodes) expect(EXIT_MEANINGS).toHaveProperty(String(code));
  });

  test('R-CMD-23 is in the reference page and in the manual, with all its options', () => {
    const [page, manual] = [renderCommandReference(), renderManPage()];
    expect(page).toContain(`\n## ${name}\n`);
    expect(manual).toContain(`.SS ${name.replaceAll('-', '\\-')} `);
    for (const option of row.options) {
      expect(page).toContain(`\`--${option.name}`);
      expect(manual).toContain(`.B \\-\\-${option.name.replaceAll('-', '\\-')}`);
    }
  });
});

test('names are one word, or a group and a word', () => {
  for (const { name } of COMMANDS) {
    expect(name).toMatch(/^[a-z]+(?: [a-z]+)?$/);
    if (name.includes(' ')) expect(GROUPS).toHaveProperty(name.split(' ')[0]!);
  }
});

test.each([
  ['nothing', []],
  ['an option alone', ['--output', 'json']],
  ['a group alone', ['config']],
  ['a missing value', ['policy', 'crypto', '--config']],
  ['a value for a switch', ['version', '--checksum=yes']],
])('R-CMD-03 %s is wrong usage', (_, args) => {
  expect(() => parseCommandLine(args, LAYOUT)).toThrow(CommandError);
});

test('an option of two forms is read either way', () => {
  for (const args of [['--output=json'], ['--output', 'json']]) {
    expect(parseCommandLine(['version', ...args], LAYOUT)).toMatchObject({ kind: 'command', output: 'json' });
  }
});

test('a switch whose name begins with no is off unless it is given', () => {
  const flagOf = (args: string[]): boolean => {
    const request = parseCommandLine(['serve', ...args], LAYOUT);
    return request.kind === 'command' && request.input.flag('no-tls');
  };
  expect([flagOf([]), flagOf(['--no-tls'])]).toEqual([false, true]);
});

test('a command asks for nothing that its row does not have', () => {
  const request = parseCommandLine(['version'], LAYOUT);
  if (request.kind !== 'command') throw new Error('not a command');
  expect(() => request.input.flag('config')).toThrow('the command version has no config');
});

test('the manual has the name of the program', () => {
  expect(renderManPage()).toContain(PROGRAM.replaceAll('-', '\\-'));
});
