/** How the executable ends when it is used as a tool, and what each number says. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  configuration: 3,
  check: 4,
  backend: 5,
  handshake: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'all is well',
  1: 'something unexpected: a defect, or a file or pipe of this machine that cannot be used',
  2: 'the command line is wrong',
  3: 'the configuration is wrong or cannot be read',
  4: 'a check failed',
  5: 'OpenBao refused or cannot be reached',
  6: 'the handshake with a plugin failed',
};
