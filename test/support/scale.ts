/** How many rounds a long test runs: all of them with REQUIRE_ALL=1, else a tenth. */
export function rounds(full: number): number {
  return process.env.REQUIRE_ALL === '1' ? full : Math.ceil(full / 10);
}
