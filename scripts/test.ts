// What `npm test` runs: makes ready what the tests need, then all layers, then whether each requirement of the
// specification was shown. `npm test -- ARGUMENT…` hands the arguments to jest and leaves the specification out.
//
// REQUIRE_ALL=1 makes a missing optional tool an error and runs the long rounds at full scale.
import { readFile, rm } from 'node:fs/promises';
import { buildPluginHost } from './build/plugin-host.ts';
import { buildProduct } from './build/product.ts';
import { TEST_RESULTS } from './check-spec/test-results.ts';
import { openbaoBinary } from './openbao/binary.ts';
import { report, reportFailure } from './report.ts';
import { runJest } from './run-jest.ts';
import { runHere } from './run.ts';
import { optionalTools } from './tools.ts';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const counts = await test(process.argv.slice(2)).catch((error: unknown): Counts => {
  reportFailure(error);
  return { passed: 0, failed: 1, skipped: 0 };
});
const { passed, failed, skipped } = counts;
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed > 0 ? 1 : 0;

async function test(jestArguments: readonly string[]): Promise<Counts> {
  const environment = await testEnvironment();
  await buildProduct(report);
  await buildPluginHost(report);
  await openbaoBinary(report);

  await rm(TEST_RESULTS, { force: true });
  const code = await runJest(jestArguments, environment);
  const found = await readFile(TEST_RESULTS, 'utf8').then(
    (text) => JSON.parse(text) as Counts,
    () => ({ passed: 0, failed: 0, skipped: 0 }),
  );
  // jest can fail where no test did: on its configuration, or when no test was found.
  let failures = code !== 0 && found.failed === 0 ? 1 : found.failed;
  if (jestArguments.length === 0 && (await runHere(process.execPath, ['scripts/check-spec.ts'], environment)) !== 0) {
    failures += 1;
  }
  return { ...found, failed: failures };
}

/** Tells the tests which optional tools there are: the paths of Go and OpenSSL in GO and OPENSSL, absent when missing. */
async function testEnvironment(): Promise<NodeJS.ProcessEnv> {
  const tools = await optionalTools();
  const missing = tools.filter(({ command }) => command === undefined);
  if (missing.length > 0 && process.env.REQUIRE_ALL === '1') {
    throw new Error(`REQUIRE_ALL=1, and not on this machine: ${missing.map(({ title }) => title).join(', ')}`);
  }
  for (const { title, purpose } of missing) report(`skipped, not on this machine: ${title} (${purpose})`);
  const found = tools.map(({ variable, command }) => [variable, command] as const);
  return { ...process.env, ...Object.fromEntries(found) };
}
