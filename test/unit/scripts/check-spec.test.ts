import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { falseClaims } from '../../../scripts/check-spec/evidence.ts';
import { judge } from '../../../scripts/check-spec/judge.ts';
import { PROTOCOL_ROWS, renderProtocolCoverage, uncoveredRows } from '../../../scripts/check-spec/protocol-coverage.ts';
import { readSpecification, SPECIFICATION } from '../../../scripts/check-spec/specification.ts';
import type { TestResult } from '../../../scripts/check-spec/test-results.ts';
import { renderTrace } from '../../../scripts/check-spec/trace.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

// Ids in this file are put together, so that no search takes them for claims of this test.
const id = (area: string, number: string): string => ['R', area, number].join('-');
const ONE = id('PLANT', '01');
const TWO = id('PLANT', '02');
const SOFT = id('PLANT', '03');
const LATER = id('PLANT', '04');

const DOCUMENT = `
# Planted

Words like ${ONE} in running text are no requirements.

- **${ONE}** The plugin MUST answer.
- **${TWO}** The host SHOULD ask, and MUST NOT shout.
- **${SOFT}** The plugin MAY sing.
- **${LATER}** PLANNED: The plugin MUST dance.
`;

const readDocument = (text: string) => readSpecification(new Map([['part.md', text]]));
const test_ = (title: string, status = 'passed', file = 'test/unit/a.test.ts'): TestResult => ({ file, title, status });
const PASSING = [
  test_(`${ONE} answers`),
  test_(`asks and does not shout (${TWO})`, 'passed', 'test/process/b.test.ts'),
];

function verdict(tests: readonly TestResult[], { requireAll = false, document = DOCUMENT } = {}) {
  return judge(readDocument(document).requirements, tests, { requireAll });
}

describe('readSpecification', () => {
  test('reads id, level and state of every item', () => {
    const { requirements, faults } = readDocument(DOCUMENT);
    expect(faults).toEqual([]);
    expect(requirements.map(({ id: each, level, planned }) => [each, level, planned])).toEqual([
      [ONE, 'MUST', false],
      [TWO, 'MUST', false],
      [SOFT, 'MAY', false],
      [LATER, 'MUST', true],
    ]);
  });

  test.each([
    ['an id used twice', `- **${ONE}** The plugin MAY.`, 'used twice'],
    ['an item without a word of strength', `- **${id('PLANT', '09')}** The plugin answers.`, 'neither MUST'],
    ['an item in another form', `- ${id('PLANT', '09')} The plugin MUST answer.`, 'not in the form'],
    ['an indented item', `  - **${id('PLANT', '09')}** The plugin MUST answer.`, 'not in the form'],
  ])('%s is a fault', (_name, line, text) => {
    const { faults } = readDocument(`${DOCUMENT}${line}\n`);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(text);
  });
});

describe('judge', () => {
  test('is content when every MUST has a passing test', () => {
    expect(verdict(PASSING)).toEqual({ problems: [], notRun: [], shown: 2 });
  });

  test.each([ONE, TWO])('taking away the tests of one id is a problem', (taken) => {
    const { problems, shown } = verdict(PASSING.filter(({ title }) => !title.includes(taken)));
    expect(problems).toEqual([`${taken} has no test`]);
    expect(shown).toBe(1);
  });

  test.each([
    [
      'an id that the specification does not know',
      test_(`${id('PLANT', '77')} x`),
      `${id('PLANT', '77')} is not in the`,
    ],
    ['a PLANNED id that has a test', test_(`${LATER} dances`), `${LATER} is PLANNED`],
    ['a failed test beside a passing one', test_(`${ONE} answers again`, 'failed'), `${ONE}: "`],
    ['a failed test of a MAY', test_(`${SOFT} sings`, 'failed'), `${SOFT}: "`],
  ])('%s is a problem', (_name, extra, text) => {
    const { problems } = verdict([...PASSING, extra]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(text);
  });

  test('a part of an id is not that id', () => {
    expect(verdict([PASSING[0]!, test_(`${TWO}9 x`)]).problems).toHaveLength(2);
  });

  test.each(['pending', 'skipped', 'todo', 'disabled'])('a MUST whose tests are all %s is not run', (status) => {
    const tests = [PASSING[0]!, test_(`${TWO} x`, status), test_(`${TWO} y`, status)];
    expect(verdict(tests)).toEqual({ problems: [], notRun: [TWO], shown: 1 });
    expect(verdict(tests, { requireAll: true })).toEqual({
      problems: [`${TWO}: its tests were skipped`],
      notRun: [],
      shown: 1,
    });
  });

  test('one passing test is enough beside skipped ones', () => {
    expect(verdict([...PASSING, test_(`${TWO} x`, 'pending')], { requireAll: true }).problems).toEqual([]);
  });
});

describe('renderTrace', () => {
  test('has a row per requirement with the files of its tests', () => {
    const text = renderTrace(readDocument(DOCUMENT).requirements, PASSING);
    expect(text).toContain('3 requirements in force, 1 planned.');
    expect(text).toContain(`| ${TWO} | MUST | \`test/process/b.test.ts\` |`);
    expect(text).toContain(`| ${LATER} | MUST, PLANNED |  |`);
  });
});

describe('protocol rows', () => {
  const all = Object.keys(PROTOCOL_ROWS).map((row) => test_(`${row} works`));

  test('are those of the three lists, five of which do not apply', () => {
    const rows = (letter: string, length: number) => Array.from({ length }, (_, index) => `${letter}${index + 1}`);
    expect(Object.keys(PROTOCOL_ROWS)).toEqual([...rows('P', 50), ...rows('H', 37), ...rows('L', 8)]);
    const skipped = Object.entries(PROTOCOL_ROWS).filter(([, { notApplicable }]) => notApplicable !== undefined);
    expect(skipped.map(([row]) => row)).toEqual(['P27', 'P28', 'P29', 'P30', 'H8']);
  });

  test('a row without a test is named; a longer number is another row', () => {
    expect(uncoveredRows(all, { requireAll: false })).toEqual([]);
    expect(uncoveredRows(all.slice(1), { requireAll: false })).toEqual(['P1']);
    expect(uncoveredRows([test_('P1 x', 'pending'), ...all.slice(1)], { requireAll: true })).toEqual(['P1']);
  });

  test('the table names a test for each', () => {
    expect(renderProtocolCoverage(all)).toContain('| P4 | six fields');
    expect(renderProtocolCoverage(all)).toContain('| `test/unit/a.test.ts`: P4 works |');
  });
});

describe('falseClaims', () => {
  const claims = (line: string) =>
    falseClaims(new Map([['part.md', `${DOCUMENT}${line}\n`]]), readDocument(DOCUMENT).requirements, PASSING);

  test.each([
    ['in a sentence', `Answers (${ONE}): \`test/unit/a.test.ts\`.`],
    ['in a table, with one id of two', `| ${ONE}, ${TWO} | [b](../test/process/b.test.ts) |`],
    ['of a helper', 'A file like test/unit/helper.ts is none.'],
  ])('the name of a test %s is no false claim', (_where, line) => {
    expect(claims(line)).toEqual([]);
  });

  test.each([
    ['a requirement that there is not', `See ${id('PLANT', '77')}.`, `${id('PLANT', '77')} is no requirement`],
    ['a test of another requirement', `${TWO}: \`test/unit/a.test.ts\``, 'test/unit/a.test.ts shows no requirement'],
    ['a test that there is not', `${ONE}: \`test/unit/c.test.ts\``, 'test/unit/c.test.ts shows no requirement'],
    ['a test without a requirement', 'See test/unit/a.test.ts.', 'test/unit/a.test.ts shows no requirement'],
  ])('%s is told with its line', (_name, line, text) => {
    expect(claims(line)).toEqual([expect.stringMatching(/^part\.md, line 10: /)]);
    expect(claims(line)[0]).toContain(text);
  });
});

describe('the program', () => {
  const ROWS = Object.keys(PROTOCOL_ROWS).map((row) => test_(`${row} works`));

  /** Runs it in a folder with the planted specification and these results; --write comes first where it shall. */
  async function run(
    tests: readonly TestResult[],
    { requireAll = false, fresh = true, document = DOCUMENT } = {},
  ): Promise<{ exitCode: number; output: string }> {
    await using folder = await temporaryFolder();
    const put = async (file: string, text: string) => {
      await mkdir(dirname(join(folder.path, file)), { recursive: true });
      await writeFile(join(folder.path, file), text);
    };
    await mkdir(join(folder.path, 'docs/reference'), { recursive: true });
    const [first, ...others] = SPECIFICATION;
    await Promise.all([put(first, document), ...others.map((file) => put(file, '# Nothing\n'))]);
    await put('.cache/test-results.json', JSON.stringify({ tests: [...tests, ...ROWS] }));
    const once = (...options: string[]) =>
      new Promise<{ exitCode: number; output: string }>((done) => {
        const env = requireAll ? { REQUIRE_ALL: '1' } : {};
        const program = resolve('scripts/check-spec.ts');
        execFile(process.execPath, [program, ...options], { cwd: folder.path, env }, (error, stdout, stderr) => {
          done({ exitCode: error === null ? 0 : Number(error.code), output: stdout + stderr });
        });
      });
    if (fresh) await once('--write');
    return await once();
  }

  test('ends well when every MUST has a passing test and the tables are those of the run', async () => {
    const { exitCode, output } = await run(PASSING);
    expect(output).toContain('2 MUST shown, 0 not run, 1 planned, 0 problems');
    expect(exitCode).toBe(0);
  });

  test.each([
    ['a MUST without a test', [PASSING[0]!], {}, `${TWO} has no test`],
    ['a MUST whose test failed', [PASSING[0]!, test_(`${TWO} x`, 'failed')], {}, `${TWO}: "`],
    ['an unknown id in a title', [...PASSING, test_(id('PLANT', '77'))], {}, 'is not in the specification'],
    ['a skipped MUST', [PASSING[0]!, test_(`${TWO} x`, 'pending')], { requireAll: true }, 'its tests were skipped'],
    ['a trace of another run', PASSING, { fresh: false }, 'docs/reference/trace.md is out of date'],
    ['a false claim', PASSING, { document: `${DOCUMENT}See ${id('PLANT', '77')}.\n` }, 'is no requirement'],
  ])('fails on %s', async (_name, tests, options, text) => {
    const { exitCode, output } = await run(tests, options);
    expect(output).toContain(text);
    expect(exitCode).toBe(1);
  });

  test('lists a skipped MUST where not everything is required', async () => {
    const { exitCode, output } = await run([PASSING[0]!, test_(`${TWO} x`, 'pending')]);
    expect(output).toContain(`not run: ${TWO}`);
    expect(exitCode).toBe(0);
  });
});
