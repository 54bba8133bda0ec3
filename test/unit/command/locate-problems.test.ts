import { locateProblems } from '../../../src/command/locate-problems.ts';

const TEXT = `# comment
openbao:
  addresses:
    - https://one
    - https://two
  "odd key": 1
auth: { method: approle,
  secretId: { source: file } }
list: [a,
  b]
`;

test.each([
  ['openbao.addresses[1]', 5],
  ['openbao.addresses', 3],
  ['openbao."odd key"', 6],
  ['auth.secretId.source', 8],
  ['auth.roleId', 7],
  ['list[1]', 10],
  ['line 4', 4],
  ['unknown', undefined],
  ['', undefined],
  // No key of the text is a part of this one's name.
  ['openbaoX', undefined],
])('R-CMD-15 a problem at %p is on line %p', (path, line) => {
  expect(locateProblems(TEXT, [{ path, message: 'm' }])[0]!.line).toBe(line);
});

test('problems are told in the order of lines', () => {
  const problems = ['auth.roleId', 'unknown', 'openbao.addresses[0]'].map((path) => ({ path, message: 'm' }));
  expect(locateProblems(TEXT, problems).map(({ path }) => path)).toEqual([
    'unknown',
    'openbao.addresses[0]',
    'auth.roleId',
  ]);
});
