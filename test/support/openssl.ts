import { execFile, spawnSync } from 'node:child_process';

/** Whether this machine has the command. */
const isThere = spawnSync('openssl', ['version']).status === 0;

/** `describe` for tests that need openssl: skipped with a visible line where there is none, unless REQUIRE_ALL=1. */
export function describeWithOpenssl(name: string, body: () => void): void {
  if (isThere || process.env.REQUIRE_ALL === '1') {
    describe(name, body);
    return;
  }
  process.stderr.write(`skipped, no openssl on this machine: ${name}\n`);
  describe.skip(name, body);
}

/** Runs `openssl` with no input and answers all that it printed, whatever its exit code. */
export function openssl(...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile('openssl', args, { timeout: 20_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
    child.stdin?.end();
  });
}
