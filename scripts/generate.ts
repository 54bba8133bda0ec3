// Writes everything that is generated and committed. With --check nothing is written: a file that would change is named
// and the exit code is 1.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { renderChecks } from './generate/checks.ts';
import { renderCommandReference } from './generate/command-reference.ts';
import { commandSchemas, SCHEMA_FOLDER } from './generate/command-schemas.ts';
import { renderConfigurationTable } from './generate/configuration-table.ts';
import { renderContract } from './generate/contract.ts';
import { descriptorSetModule } from './generate/descriptor-set.ts';
import { renderErrorTable } from './generate/error-table.ts';
import { renderEvents } from './generate/events.ts';
import { renderFailures } from './generate/failure-table.ts';
import { differences, readTree, writeTree, type FileTree } from './generate/file-tree.ts';
import { renderManPage } from './generate/man-page.ts';
import { thirdPartyNotices } from './generate/notices.ts';
import { renderPluginHostOptions } from './generate/plugin-host-options.ts';
import { renderPolicies } from './generate/policies.ts';
import { protocolModules } from './generate/protocol-modules.ts';
import { report } from './report.ts';
import { openScratchFolder } from './scratch.ts';

const CODE = 'proto/gen';

const check = process.argv.includes('--check');
await using scratch = await openScratchFolder(join(tmpdir(), 'generate-'));
const code: FileTree = new Map([
  ...(await protocolModules(scratch.path, CODE)),
  [`${CODE}/descriptor-set.ts`, await descriptorSetModule(scratch.path)],
]);
await settle(code, await readTree(CODE));
// After the code, on which these rest: the notices name what a bundle of it contains.
const documents: Record<string, Promise<string> | string> = {
  'docs/reference/commands.md': renderCommandReference(),
  'docs/reference/keystoreop-openbao.1': renderManPage(),
  'docs/reference/checks.md': renderChecks(),
  'docs/reference/configuration.md': renderConfigurationTable(),
  'docs/reference/contract.md': renderContract(scratch.path),
  'docs/reference/events.md': renderEvents(),
  'docs/reference/errors.md': renderErrorTable(),
  'docs/reference/failures.md': renderFailures(),
  'docs/reference/plugin-host-options.md': renderPluginHostOptions(),
  'docs/reference/policies.md': renderPolicies(),
  'THIRD-PARTY-NOTICES.md': thirdPartyNotices(),
};
for (const [file, text] of Object.entries(documents)) {
  await settle(new Map([[file, Buffer.from(await text)]]), await readTree(file));
}

await settle(await commandSchemas(), await readTree(SCHEMA_FOLDER));

async function settle(wanted: FileTree, present: FileTree): Promise<void> {
  const changed = differences(wanted, present);
  if (changed.length === 0) return;
  if (check) {
    report(`Out of date (npm run generate):\n${changed.map((file) => `  ${file}\n`).join('')}`);
    process.exitCode = 1;
  } else {
    await writeTree(wanted, changed);
    report(changed.map((file) => `${wanted.has(file) ? 'wrote' : 'removed'} ${file}`).join('\n'));
  }
}
