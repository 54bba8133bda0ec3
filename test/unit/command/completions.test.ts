import { spawnSync } from 'node:child_process';

import { COMMANDS } from '../../../src/command/command-table.ts';
import { COMPLETIONS } from '../../../src/command/completions.ts';
import { optionsOf } from '../../../src/command/help.ts';

/** What bash offers for the last word of a line. */
function offered(line: string): readonly string[] {
  const words = line.split(' ');
  const program = `${COMPLETIONS.bash(COMMANDS)}
compopt() { :; }
COMP_WORDS=(keystoreop-openbao ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
_keystoreop_openbao && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stderr, stdout } = spawnSync('bash', ['--norc', '-c', program], { encoding: 'utf8', cwd: '/' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\n').filter((word) => word !== '');
}

describe('R-CMD-21 bash completes', () => {
  test.each([
    ['ver', ['version']],
    ['config ', ['check', 'schema', 'example']],
    ['config ch', ['check']],
    ['version --', ['--checksum', '--output', '--help']],
    ['version --output ', ['text', 'json']],
    ['policy cr', ['crypto']],
    ['policy crypto hy', ['hyok-management']],
    ['config example --method kub', ['kubernetes']],
    ['completion z', ['zsh']],
    ['handshake --config et', ['etc']],
    ['serve --tls-dir et', ['etc']],
    ['nonsense ', []],
  ])('%p to %j', (line, expected) => {
    expect(offered(line)).toEqual(expected);
  });
});

test.each(['bash', 'zsh', 'fish'] as const)(
  'R-CMD-21 the script for %s has every command and every option',
  (shell) => {
    const script = COMPLETIONS[shell](COMMANDS);
    for (const row of COMMANDS) {
      for (const word of row.name.split(' ')) expect(script).toContain(word);
      for (const { name } of optionsOf(row)) expect(script).toContain(shell === 'fish' ? `-l ${name} ` : `--${name}`);
    }
  },
);
